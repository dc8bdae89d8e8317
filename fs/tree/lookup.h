// Lookup: a reference of the kernel to an inode, added for a reply that is still to be made.
#pragma once

#include <utility>

#include "fs/tree/id_table.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// Adds the reference first, because that may throw bad_alloc, and drops it again unless keep() is
// called.
class Lookup {
 public:
  // bad_alloc: no reference was added.
  Lookup(IdTable<Inode>& inodes, InodeRef inode) : inodes_(inodes), inode_(std::move(inode)) {
    inodes_.add(inode_->id, inode_);
  }
  ~Lookup() {
    if (inode_ != nullptr) inodes_.drop(inode_->id);
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  // The reply carries the inode: the reference stays.
  InodeRef keep() { return std::exchange(inode_, nullptr); }

 private:
  IdTable<Inode>& inodes_;
  InodeRef inode_;
};

}  // namespace scratchfs::tree
