// The kernel's count of an inode, raised for an answer that is still to be made.
#pragma once

#include <utility>

#include "fs/tree/id_table.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// Raised first, because that can lack memory; taken back where no answer comes of it.
class Lookup {
 public:
  // bad_alloc: nothing was raised.
  Lookup(IdTable<Inode>& inodes, InodeRef inode) : inodes_(inodes), inode_(std::move(inode)) {
    inodes_.add(inode_->id, inode_);
  }
  ~Lookup() {
    if (inode_ != nullptr) inodes_.drop(inode_->id);
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  // For the answer: it counts for good.
  InodeRef keep() { return std::exchange(inode_, nullptr); }

 private:
  IdTable<Inode>& inodes_;
  InodeRef inode_;
};

}  // namespace scratchfs::tree
