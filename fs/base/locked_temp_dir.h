// A private, locked directory for temporary files, for file systems where an unlinked open file
// keeps a name (NFS: .nfs..., many FUSE file systems: .fuse_hidden...).
//
// Such a name disappears when the file is closed, but it stays if the machine or the file system
// dies first. Therefore those files are created in a directory that is named after the machine and
// contains a locked file. If another process can acquire that lock, the owner is dead, and the
// process removes the directory.
#pragma once

#include <memory>
#include <string>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"

namespace scratchfs::base {

class LockedTempDir {
 public:
  // Creates one in `directory` (a descriptor, O_PATH suffices), and removes those that dead
  // processes of this user and machine have left there. Directories of other machines are left
  // alone, because their locks may not be visible here, depending on the file system. Errors of
  // mkdirat(2), openat(2), flock(2).
  static Result<std::unique_ptr<LockedTempDir>> make(int directory);
  // Removes the directory with its contents. If files that are still open have a name for more than
  // a second, they stay, and the directory with them, for the next process to remove.
  ~LockedTempDir();

  int descriptor() const { return place_.get(); }
  // Returns whether the directory contains anything besides its own lock file.
  bool holds_names() const;

 private:
  static Result<std::unique_ptr<LockedTempDir>> make_one(int directory, const std::string& begins);
  LockedTempDir(int parent, std::string name, Descriptor place, Descriptor lock)
      : parent_(parent), name_(std::move(name)), place_(std::move(place)), lock_(std::move(lock)) {}

  const int parent_;
  const std::string name_;
  const Descriptor place_;
  Descriptor lock_;
};

}  // namespace scratchfs::base
