#include "fs/tree/closing.h"

namespace scratchfs::tree {

bool ClosingGate::is_closing(const Inode& inode) const {
  if (inode.flushed.load(std::memory_order_acquire) == 0) return false;
  base::Lock lock(inode.mutex);
  return inode.is_closing(mode_);
}

void ClosingGate::wait(Inode& inode) {
  const auto deadline = std::chrono::steady_clock::now() + kClosingBound;
  ++waiters_;
  while (true) {
    {
      // Taken before the look, so that a change between the look and the wait is not missed.
      base::Lock lock(mutex_);
      if (!is_closing(inode)) break;
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left > std::chrono::nanoseconds::zero()) {
        condition_.wait_for(mutex_, left);
        continue;
      }
    }
    base::Lock lock(inode.mutex);
    inode.flushed = 0;
    ++inode.flush_epoch;
    break;
  }
  --waiters_;
}

void ClosingGate::changed() {
  if (waiters_ == 0) return;
  base::Lock lock(mutex_);
  condition_.notify_all();
}

}  // namespace scratchfs::tree
