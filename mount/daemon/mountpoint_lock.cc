#include "mount/daemon/mountpoint_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "fs/mounts/mount_point.h"

namespace scratchfs::mount {

namespace {

using std::chrono::milliseconds;
constexpr milliseconds kTimeout{5000};
constexpr milliseconds kPause{20};

}  // namespace

MountpointLock::MountpointLock(const base::Descriptor& directory)
    : descriptor_(
          ::open(mounts::path_through(directory).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0) return;
  for (milliseconds waited{0}; waited < kTimeout; waited += kPause) {
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    if (errno != EWOULDBLOCK && errno != EINTR) break;
    std::this_thread::sleep_for(kPause);
  }
  release();
}

MountpointLock::MountpointLock(MountpointLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

MountpointLock& MountpointLock::operator=(MountpointLock&& other) noexcept {
  MountpointLock moved(std::move(other));
  std::swap(descriptor_, moved.descriptor_);
  return *this;
}

MountpointLock::~MountpointLock() { release(); }

void MountpointLock::release() {
  if (descriptor_ < 0) return;
  ::flock(descriptor_, LOCK_UN);  // closing is not enough: a child may share the descriptor
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace scratchfs::mount
