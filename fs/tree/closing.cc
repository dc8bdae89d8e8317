#include "fs/tree/closing.h"

namespace scratchfs::tree {

namespace {

std::uint32_t flushes_of(Inode& inode) {
  base::Lock lock(inode.mutex);
  return inode.flushes;
}

// Takes back the FLUSHes of its handles, unless there was one since `flushes` were counted.
bool declare_alive(Inode& inode, std::uint32_t flushes) {
  base::Lock lock(inode.mutex);
  if (inode.flushes != flushes) return false;
  inode.flushed = 0;
  ++inode.flush_epoch;
  return true;
}

}  // namespace

void ClosingGate::ask(Arrivals* arrivals) {
  base::Lock lock(arrivals_mutex_);
  arrivals_ = arrivals;
}

bool ClosingGate::is_closing(const Inode& inode) const {
  if (inode.flushed.load(std::memory_order_acquire) == 0) return false;
  base::Lock lock(inode.mutex);
  return inode.is_closing(mode_);
}

// False: it is still closing at `deadline`.
bool ClosingGate::changes_by(const Inode& inode, Time deadline) {
  while (true) {
    // Taken before the look, so that a change between the look and the wait is not missed.
    base::Lock lock(mutex_);
    if (!is_closing(inode)) return true;
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    condition_.wait_for(mutex_, left);
  }
}

bool ClosingGate::nothing_is_on_its_way() {
  base::SharedLock lock(arrivals_mutex_);
  return arrivals_ != nullptr && arrivals_->all_handled(waiters_);
}

void ClosingGate::wait(Inode& inode) {
  ++waiters_;
  while (true) {
    const Time start = std::chrono::steady_clock::now();
    const std::uint32_t flushes = flushes_of(inode);
    if (changes_by(inode, start + kClosingUsual)) break;
    if (!nothing_is_on_its_way() && changes_by(inode, start + kClosingBound)) break;
    // The RELEASE may have come just before the answer.
    if (!is_closing(inode) || declare_alive(inode, flushes)) break;
  }
  --waiters_;
}

void ClosingGate::changed() {
  if (waiters_ == 0) return;
  base::Lock lock(mutex_);
  condition_.notify_all();
}

}  // namespace scratchfs::tree
