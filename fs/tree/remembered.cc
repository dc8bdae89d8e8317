#include "fs/tree/remembered.h"

namespace scratchfs::tree {

void Remembered::drop() {
  note();
  --count_;
}

bool Remembered::lend() {
  if (lent_++ < kMostLent) return true;
  --lent_;
  return false;
}

void Remembered::note() {
  ++given_back_;
  if (waiters_ == 0) return;
  base::Lock lock(mutex_);
  changed_.notify_all();
}

bool Remembered::wait(std::uint64_t before, Time deadline) {
  // Before the check: note() then sees the waiter, or the check sees the change.
  ++waiters_;
  bool changed = true;
  {
    base::Lock lock(mutex_);
    while (given_back_ == before) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= left.zero()) {
        changed = false;
        break;
      }
      changed_.wait_for(mutex_, left);
    }
  }
  --waiters_;
  return changed;
}

}  // namespace scratchfs::tree
