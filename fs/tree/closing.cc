#include "fs/tree/closing.h"

namespace scratchfs::tree {

namespace {

std::uint32_t flushes_of(Inode& inode) {
  base::Lock lock(inode.mutex);
  return inode.flushes;
}

bool has_flushed(const Inode& inode, lifetime::LifetimeMode mode) {
  base::Lock lock(inode.mutex);
  return inode.is_closing(mode, false);
}

// Cancels the FLUSHes of the inode's handles. Returns false if there was another FLUSH since
// `flushes` was read.
bool declare_alive(Inode& inode, std::uint32_t flushes) {
  base::Lock lock(inode.mutex);
  if (inode.flushes != flushes) return false;
  inode.flushed = 0;
  ++inode.flush_epoch;
  return true;
}

}  // namespace

void ClosingGate::ask(RequestBarrier* barrier) {
  base::Lock lock(barrier_mutex_);
  barrier_ = barrier;
}

// With kMostAsking lookups waiting and no budget left, the file counts as alive, so that
// unnecessary waits never occupy all workers.
bool ClosingGate::is_closing(const Inode& inode, bool all_handled) const {
  if (mode_ == lifetime::LifetimeMode::mount) return false;  // no close deletes anything
  if (inode.flushed.load(std::memory_order_acquire) == 0 &&
      (all_handled || inode.silent_handles.load(std::memory_order_acquire) == 0))
    return false;
  uid_t owner = 0;
  {
    base::Lock lock(inode.mutex);
    if (!inode.is_closing(mode_, !all_handled)) return false;
    owner = inode.uid;
  }
  {
    base::Lock lock(asking_mutex_);
    const auto found = asking_.find(owner);
    if (found == asking_.end() || found->second < kMostAsking) return true;
  }
  return budget_.has_left(owner, std::chrono::steady_clock::now());
}

// Returns false if the inode is still closing at `deadline`.
bool ClosingGate::changes_by(const Inode& inode, Time deadline) {
  while (true) {
    // Locked before the check, so that a change between the check and the wait is not missed.
    base::Lock lock(mutex_);
    if (!is_closing(inode, false)) return true;
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    condition_.wait_for(mutex_, left);
  }
}

bool ClosingGate::nothing_is_on_its_way(std::chrono::milliseconds timeout) {
  base::SharedLock lock(barrier_mutex_);
  return barrier_ != nullptr && barrier_->all_handled(timeout);
}

bool ClosingGate::all_forgotten(std::chrono::milliseconds timeout) {
  base::SharedLock lock(barrier_mutex_);
  return barrier_ == nullptr || barrier_->all_forgotten(timeout);
}

// Counts a lookup that waits.
class ClosingGate::Asking {
 public:
  Asking(ClosingGate& gate, uid_t owner) : gate_(gate), owner_(owner) {
    base::Lock lock(gate_.asking_mutex_);
    ++gate_.asking_[owner_];
    ++gate_.waiters_;
  }
  ~Asking() {
    base::Lock lock(gate_.asking_mutex_);
    --gate_.waiters_;
    const auto own = gate_.asking_.find(owner_);
    if (--own->second == 0) gate_.asking_.erase(own);
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

 private:
  ClosingGate& gate_;
  const uid_t owner_;
};

// Returns true if the inode is no longer closing; false if it is alive, or the transport could not
// tell in time.
bool ClosingGate::settle(Inode& inode, bool may_wait) {
  if (!is_closing(inode, false)) return true;  // it is gone or in use by now
  const Time start = std::chrono::steady_clock::now();
  // After a FLUSH a RELEASE is likely; without one there is nothing to wait for.
  if (may_wait && has_flushed(inode, mode_) && changes_by(inode, start + kClosingUsual))
    return true;
  const bool nothing = nothing_is_on_its_way(may_wait ? kClosingAsk : std::chrono::milliseconds{});
  if (may_wait && !nothing && changes_by(inode, start + kClosingBound)) return true;
  // The RELEASE may have arrived just before the answer.
  return !is_closing(inode, false);
}

bool ClosingGate::wait_for(Inode& inode) {
  const uid_t owner = inode.owner();
  const Asking asking(*this, owner);
  while (true) {
    const Time start = std::chrono::steady_clock::now();
    const bool may_wait = budget_.has_left(owner, start);
    const std::uint32_t flushes = flushes_of(inode);
    if (settle(inode, may_wait)) return false;
    const Time end = std::chrono::steady_clock::now();
    if (may_wait) budget_.spend(owner, end - start, end);
    if (declare_alive(inode, flushes)) break;
  }
  changed();  // wakes others that wait for it
  return true;
}

void ClosingGate::changed() {
  if (waiters_ == 0) return;
  base::Lock lock(mutex_);
  condition_.notify_all();
}

}  // namespace scratchfs::tree
