// Waiting for a file whose last handle has said FLUSH: it is about to go, but its RELEASE has not
// come yet.
#pragma once

#include <atomic>
#include <chrono>

#include "fs/base/mutex.h"
#include "fs/limits/lifetime.h"
#include "fs/tree/inode.h"
#include "fs/tree/notices.h"

namespace scratchfs::tree {

// A RELEASE that is on its way is here within this, as a rule. A file that is still there then may
// live on through a duplicate of the descriptor that was closed (dup(2), fork(2)): FLUSH tells of
// each close, RELEASE only of the last. So the transport is asked whether anything is still on its
// way.
inline constexpr std::chrono::milliseconds kClosingUsual{2};
// How long a look-up of a closing name waits at most, where the transport cannot tell.
inline constexpr std::chrono::milliseconds kClosingBound{500};

class ClosingGate {
 public:
  explicit ClosingGate(limits::LifetimeMode mode) : mode_(mode) {}

  // Whom to ask; nullptr: nobody. Returns when no question to the former is under way.
  void ask(Arrivals* arrivals);

  // A quick look that takes the inode's mutex only where a handle has flushed.
  bool is_closing(const Inode& inode) const;
  // Returns when the inode is no longer closing, for it is gone, in use again, or declared alive.
  // Callers hold no lock.
  void wait(Inode& inode);
  // Something that may have been waited for has happened (a RELEASE, a use of a flushed handle).
  void changed();

 private:
  using Time = std::chrono::steady_clock::time_point;
  bool changes_by(const Inode& inode, Time deadline);
  bool nothing_is_on_its_way();

  const limits::LifetimeMode mode_;
  std::atomic<unsigned> waiters_ = 0;
  base::Mutex mutex_;  // a leaf
  base::Condition condition_;
  base::SharedMutex arrivals_mutex_;  // a leaf, held while they are asked
  Arrivals* arrivals_ GUARDED_BY(arrivals_mutex_) = nullptr;
};

}  // namespace scratchfs::tree
