// A directory of this process's own inside another one, for file systems on which an open file
// keeps a name even when it is unlinked (NFS calls it .nfs..., many FUSE file systems
// .fuse_hidden...).
//
// Such a name goes when the file is closed, but not when the machine or the file system dies first.
// So those files are made in a directory that is named after the machine and holds a locked file:
// where the lock can be had its owner is dead, and the next process removes what it left.
#pragma once

#include <memory>
#include <string>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"

namespace scratchfs::base {

class OwnPlace {
 public:
  // Makes one in `directory` (a descriptor, O_PATH will do), and removes those that dead processes
  // of this user and machine left there. Other machines' are left alone: whether their locks are
  // seen here depends on the file system. Errors of mkdirat(2), openat(2), flock(2).
  static Result<std::unique_ptr<OwnPlace>> make(int directory);
  // Removes it, and everything in it. What still has a name a second later because it is open
  // stays, and with it the directory, for the next one to remove.
  ~OwnPlace();
  OwnPlace(const OwnPlace&) = delete;
  OwnPlace& operator=(const OwnPlace&) = delete;

  int descriptor() const { return place_.get(); }
  // Whether there is anything in it but what is its own.
  bool holds_names() const;

 private:
  static Result<std::unique_ptr<OwnPlace>> make_one(int directory, const std::string& begins);
  OwnPlace(int parent, std::string name, Descriptor place, Descriptor lock)
      : parent_(parent), name_(std::move(name)), place_(std::move(place)), lock_(std::move(lock)) {}

  const int parent_;
  const std::string name_;
  const Descriptor place_;
  Descriptor lock_;
};

}  // namespace scratchfs::base
