// Waiting for a file that its last close may have deleted already, although the RELEASE has not
// come yet: its last handle has said FLUSH, or is one that never says it.
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

// A RELEASE that is on its way is here within this, as a rule. A file that is still there then may
// live on through a duplicate of the descriptor that was closed (dup(2), fork(2)): FLUSH tells of
// each close, RELEASE only of the last. So the transport is asked whether anything is still on its
// way.
inline constexpr std::chrono::milliseconds kClosingUsual{2};
// How long a look-up of a closing name waits at most, where the transport cannot tell.
inline constexpr std::chrono::milliseconds kClosingBound{500};
// How long the transport may take to tell.
inline constexpr std::chrono::milliseconds kClosingAsk{100};
// Of one owner whose budget for waiting is used up: more look-ups at once do not even ask.
inline constexpr unsigned kMostAsking = 2;

class ClosingGate {
 public:
  explicit ClosingGate(limits::LifetimeMode mode) : mode_(mode) {}

  // Whom to ask; nullptr: nobody. Returns when no question to the former is under way.
  void ask(Arrivals* arrivals);

  // Whether who meets its name has to wait. A quick look that takes the inode's mutex only where a
  // handle has flushed or never will. Of the latter none counts where `all_handled`: what had been
  // sent before the operation began is handled, so such a handle was not closed before.
  bool is_closing(const Inode& inode, bool all_handled) const;
  // Returns when the inode is no longer closing, for it is gone or in use again, or (true) counts
  // as alive, because nothing is on its way or that cannot be told. What was waited in vain is
  // spent from its owner's budget; without one left the transport is only asked. Callers hold no
  // lock.
  bool wait(Inode& inode);
  // Whether the transport has nothing on its way that ends an inode, as Arrivals::all_forgotten().
  bool all_forgotten(std::chrono::milliseconds patience) EXCLUDES(arrivals_mutex_);
  // Something that may have been waited for has happened (a RELEASE, a use of a flushed handle).
  void changed();

 private:
  using Time = std::chrono::steady_clock::time_point;
  class Asking;
  bool changes_by(const Inode& inode, Time deadline);
  bool nothing_is_on_its_way(std::chrono::milliseconds patience);
  bool settle(Inode& inode, bool may_wait);

  const limits::LifetimeMode mode_;
  std::atomic<unsigned> waiters_ = 0;
  base::Mutex mutex_{base::Rank::closing};
  base::Condition condition_;
  base::SharedMutex arrivals_mutex_{base::Rank::control};  // held while they are asked
  Arrivals* arrivals_ GUARDED_BY(arrivals_mutex_) = nullptr;
  WaitBudget budget_;
  mutable base::Mutex asking_mutex_;                                      // a leaf
  std::unordered_map<uid_t, unsigned> asking_ GUARDED_BY(asking_mutex_);  // look-ups, by owner
};

}  // namespace scratchfs::tree
