// ClosingGate: makes operations wait for a file that its last close may already have deleted,
// although RELEASE has not arrived: each of its handles was flushed, or is one that sends no FLUSH.
#pragma once

#include <atomic>
#include <chrono>
#include <unordered_map>

#include "fs/base/mutex.h"
#include "fs/lifetime/lifetime.h"
#include "fs/tree/inode.h"
#include "fs/tree/notices.h"
#include "fs/tree/wait_budget.h"

namespace scratchfs::tree {

// A RELEASE that is under way usually arrives within this time. If it does not, the file may be
// alive through a duplicate of the closed descriptor (dup(2), fork(2)), because the kernel sends
// FLUSH for each close, but RELEASE only for the last. So the transport is then asked whether any
// request is still under way.
inline constexpr std::chrono::milliseconds kClosingUsual{2};
// How long a lookup of a closing name waits at most if the transport cannot tell.
inline constexpr std::chrono::milliseconds kClosingBound{500};
// How long the transport may take to answer.
inline constexpr std::chrono::milliseconds kClosingAsk{100};
// When an owner's wait budget is used up, at most this many lookups of their files ask the
// transport at the same time; for further ones the file counts as alive.
inline constexpr unsigned kMostAsking = 2;

// The closing inode that an operation must wait for.
struct Blocker {
  InodeRef inode;  // null: none
  // Every request that was sent before the operation began has been handled, so a handle that sends
  // no FLUSH was not closed before it, and does not count.
  bool all_handled = false;
  explicit operator bool() const { return inode != nullptr; }
};

class ClosingGate {
 public:
  explicit ClosingGate(lifetime::LifetimeMode mode) : mode_(mode) {}

  // Sets whom to ask; nullptr: nobody. Returns when no call to the former object is running.
  void ask(RequestBarrier* barrier);

  // Whether an operation that finds the inode by name or opens it must wait; if so, makes the inode
  // its blocker. Fast: takes the inode's mutex only if a handle was flushed or sends no FLUSH.
  bool blocks(const InodeRef& inode, Blocker& blocker) const {
    if (!is_closing(*inode, blocker.all_handled)) return false;
    blocker.inode = inode;
    return true;
  }
  // Runs `operation(blocker)` until it sets no blocker, and waits for the blocking inode in
  // between. A run that sets a blocker must be idempotent: the next run repeats it. Callers hold no
  // lock.
  template <typename Operation>
  auto retry_while_closing(base::Wait wait, Operation operation) {
    bool all_handled = false;
    while (true) {
      Blocker blocker{.inode = nullptr, .all_handled = all_handled};
      auto result = operation(blocker);
      if (!blocker) return result;
      if (wait == base::Wait::no) return decltype(result)(base::kWouldBlock);
      if (const auto why = wait.over()) return decltype(result)(*why);
      all_handled = wait_for(*blocker.inode) || all_handled;
    }
  }
  // Whether the transport has nothing under way that makes the kernel forget an inode; see
  // RequestBarrier::all_forgotten().
  bool all_forgotten(std::chrono::milliseconds timeout) EXCLUDES(barrier_mutex_);
  // Wakes the waiters: a RELEASE arrived, or a flushed handle was used.
  void changed();

 private:
  using Time = std::chrono::steady_clock::time_point;
  class Asking;
  // Waits until the inode is no longer closing, because it is gone or in use again, and returns
  // false; or returns true if it counts as alive, because no request is under way, or because the
  // transport cannot tell. Time spent waiting for an inode that was alive is charged to its owner's
  // budget; if that is used up, this only asks the transport.
  bool wait_for(Inode& inode);
  bool is_closing(const Inode& inode, bool all_handled) const;
  bool changes_by(const Inode& inode, Time deadline);
  bool nothing_is_on_its_way(std::chrono::milliseconds timeout);
  bool settle(Inode& inode, bool may_wait);

  const lifetime::LifetimeMode mode_;
  std::atomic<unsigned> waiters_ = 0;
  base::Mutex mutex_{base::Rank::closing};
  base::Condition condition_;
  base::SharedMutex barrier_mutex_{base::Rank::control};  // held during calls to it
  RequestBarrier* barrier_ GUARDED_BY(barrier_mutex_) = nullptr;
  WaitBudget budget_;
  // Lookups that are waiting, by owner of the file. The mutex is a leaf.
  mutable base::Mutex asking_mutex_;
  std::unordered_map<uid_t, unsigned> asking_ GUARDED_BY(asking_mutex_);
};

}  // namespace scratchfs::tree
