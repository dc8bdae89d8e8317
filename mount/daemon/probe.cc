#include "mount/daemon/probe.h"

#include <sched.h>
#include <sys/statfs.h>

#include <cerrno>

namespace scratchfs::mount {

namespace {

// Closes the root again right after the call, because an open root makes unmounting fail with
// EBUSY.
bool answers(const std::string& mountpoint, const mounts::MountId& mount) {
  const auto root = mounts::open_mount(mountpoint, mount);
  if (!root) return true;
  struct statfs status {};
  return ::fstatfs(root->get(), &status) == 0 || errno != ENOTCONN;
}

}  // namespace

bool answers_everywhere(const std::string& mountpoint, const mounts::MountId& mount) {
  cpu_set_t allowed;
  // Fails if the machine has more cores than cpu_set_t holds: then asks only once.
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return answers(mountpoint, mount);
  bool all = true;
  for (int core = 0; core < CPU_SETSIZE && all; ++core) {
    if (!CPU_ISSET(static_cast<unsigned>(core), &allowed)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(core), &one);
    // Fails if the core has gone offline; the mount is then asked from another core.
    ::sched_setaffinity(0, sizeof one, &one);
    all = answers(mountpoint, mount);
  }
  ::sched_setaffinity(0, sizeof allowed, &allowed);
  return all;
}

}  // namespace scratchfs::mount
