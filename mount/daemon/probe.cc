#include "mount/daemon/probe.h"

#include <sched.h>
#include <sys/statfs.h>

#include <cerrno>

namespace scratchfs::mount {

namespace {

// Held open no longer than it takes: meanwhile it is too busy to be unmounted.
bool answers(const std::string& mountpoint, const mounts::MountId& mount) {
  const auto root = mounts::open_mount(mountpoint, mount);
  if (!root) return true;
  struct statfs status {};
  return ::fstatfs(root->get(), &status) == 0 || errno != ENOTCONN;
}

}  // namespace

bool answers_everywhere(const std::string& mountpoint, const mounts::MountId& mount) {
  cpu_set_t allowed;
  // A machine with more cores than fit: one question must do.
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return answers(mountpoint, mount);
  bool all = true;
  for (int core = 0; core < CPU_SETSIZE && all; ++core) {
    if (!CPU_ISSET(static_cast<unsigned>(core), &allowed)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(core), &one);
    ::sched_setaffinity(0, sizeof one, &one);  // one that has gone offline: asked from elsewhere
    all = answers(mountpoint, mount);
  }
  ::sched_setaffinity(0, sizeof allowed, &allowed);
  return all;
}

}  // namespace scratchfs::mount
