// Untold: an inode that the daemon has deleted, until the kernel has been notified.
#pragma once

#include <utility>

#include "fs/tree/inode.h"

namespace scratchfs::tree {

// Keeps the inode, so that pending notifications are bounded by what may exist. Meanwhile the
// inode's charge is lent: the kernel cannot be notified while a creation holds the directory's
// lock, so that creation must not fail because of inodes that only await the notification. If too
// many charges are lent, the inode stays charged.
class Untold {
 public:
  explicit Untold(InodeRef inode) : inode_(std::move(inode)) {}
  ~Untold() {
    if (lent_) inode_->take_charge_back();
  }
  Untold(const Untold&) = delete;
  Untold& operator=(const Untold&) = delete;

  // REQUIRES: the inode is gone. Does not allocate.
  void lend() { lent_ = inode_->lend_charge(); }

 private:
  const InodeRef inode_;
  bool lent_ = false;
};

}  // namespace scratchfs::tree
