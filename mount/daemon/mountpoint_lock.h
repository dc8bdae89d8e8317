// Lets only one command at a time mount on a directory. Without this lock, two commands could both
// find the directory free, and one would mount over the other.
#pragma once

#include "fs/base/descriptor.h"

namespace scratchfs::mount {

// An flock(2) on the directory, held by the command and its daemon together from the checks until
// the mount answers.
class MountpointLock {
 public:
  MountpointLock() = default;  // holds nothing
  // Takes the lock, waiting a few seconds at most while another command holds it. The wait is
  // limited because any user who can read the directory can lock it, and must not be able to
  // prevent mounts. Holds nothing if that fails.
  explicit MountpointLock(const base::Descriptor& directory);
  MountpointLock(MountpointLock&&) = default;
  MountpointLock& operator=(MountpointLock&&) = default;
  ~MountpointLock() { release(); }

  void release();  // also closes the directory
  bool is_held() const { return directory_.valid(); }

 private:
  base::Descriptor directory_;
};

}  // namespace scratchfs::mount
