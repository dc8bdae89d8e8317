// One mount at a time on a directory: without it, two commands at once would both find it free and
// mount one over the other.
#pragma once

#include "fs/base/descriptor.h"

namespace scratchfs::mount {

// Held from the checks until the mount answers, by the command and its daemon together (flock(2) on
// the directory).
class MountpointLock {
 public:
  MountpointLock() = default;  // holds nothing
  // Waits for whoever else is mounting there, some seconds at most: any user who can read the
  // directory could lock it, and must not be able to keep it from being mounted on.
  explicit MountpointLock(const base::Descriptor& directory);
  MountpointLock(MountpointLock&& other) noexcept;
  MountpointLock& operator=(MountpointLock&& other) noexcept;
  ~MountpointLock();

  void release();  // the directory is no longer held open either
  bool is_held() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

}  // namespace scratchfs::mount
