// What a call could not see to for want of memory, once it had had its effect.
#pragma once

#include "fs/base/mutex.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// Each inode once. Needs no memory; thread-safe, its mutex is a leaf.
class LeftOvers {
 public:
  ~LeftOvers();
  LeftOvers() = default;
  LeftOvers(const LeftOvers&) = delete;
  LeftOvers& operator=(const LeftOvers&) = delete;

  void add(const InodeRef& inode) EXCLUDES(mutex_);
  InodeRef take() EXCLUDES(mutex_);  // nullptr: there is none

 private:
  std::atomic<bool> any_ = false;  // a look that takes no lock
  base::Mutex mutex_;
  InodeRef first_ GUARDED_BY(mutex_);  // of a list through Inode::next_left_over
};

}  // namespace scratchfs::tree
