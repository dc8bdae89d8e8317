// Waiting for a file whose last handle has said FLUSH: it is about to go, but its RELEASE has not
// come yet.
#pragma once

#include <atomic>
#include <chrono>

#include "fs/base/mutex.h"
#include "fs/limits/lifetime.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// How long a look-up of a closing name waits at most. A file that is still there then lives on
// through a duplicate of the descriptor that was closed (dup(2), fork(2)): FLUSH tells of each
// close, RELEASE only of the last.
inline constexpr std::chrono::milliseconds kClosingBound{500};

class ClosingGate {
 public:
  explicit ClosingGate(limits::LifetimeMode mode) : mode_(mode) {}

  // A quick look that takes the inode's mutex only where a handle has flushed.
  bool is_closing(const Inode& inode) const;
  // Returns when the inode is no longer closing; past the bound it is declared alive. Callers hold
  // no lock.
  void wait(Inode& inode);
  // Something that may have been waited for has happened (a RELEASE, a use of a flushed handle).
  void changed();

 private:
  const limits::LifetimeMode mode_;
  std::atomic<int> waiters_ = 0;
  base::Mutex mutex_;  // a leaf
  base::Condition condition_;
};

}  // namespace scratchfs::tree
