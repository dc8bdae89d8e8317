// An inode that went by itself, until the kernel has been told.
#pragma once

#include <utility>

#include "fs/tree/inode.h"

namespace scratchfs::tree {

// Keeps the inode, so that its notices are bounded by what may exist. Its charge is lent meanwhile:
// the kernel cannot be told while a creation holds the directory's lock, so that creation must not
// fail for what the kernel was not told of. Where too many are lent it stays charged.
class Untold {
 public:
  explicit Untold(InodeRef inode) : inode_(std::move(inode)) {}
  ~Untold() {
    if (lent_) inode_->take_charge_back();
  }
  Untold(const Untold&) = delete;
  Untold& operator=(const Untold&) = delete;

  // Once the inode is gone. Needs no memory.
  void lend() { lent_ = inode_->lend_charge(); }

 private:
  const InodeRef inode_;
  bool lent_ = false;
};

}  // namespace scratchfs::tree
