#include "mount/daemon/mountpoint_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "fs/mounts/mount_point.h"

namespace scratchfs::mount {

namespace {

using std::chrono::milliseconds;
constexpr milliseconds kTimeout{5000};
constexpr milliseconds kPause{20};

}  // namespace

MountpointLock::MountpointLock(const base::Descriptor& directory)
    : directory_(
          ::open(mounts::path_through(directory).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!directory_.valid()) return;
  for (milliseconds waited{0}; waited < kTimeout; waited += kPause) {
    if (::flock(directory_.get(), LOCK_EX | LOCK_NB) == 0) return;
    if (errno != EWOULDBLOCK && errno != EINTR) break;
    std::this_thread::sleep_for(kPause);
  }
  release();
}

void MountpointLock::release() {
  if (!directory_.valid()) return;
  ::flock(directory_.get(), LOCK_UN);  // closing is not enough: a child may share the descriptor
  directory_ = base::Descriptor();
}

}  // namespace scratchfs::mount
