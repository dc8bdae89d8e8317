// Waiting without a lock: what an operation lacks is found out under the content's lock, waited for
// without it, and brought back in hand for a second look.
#pragma once

#include <optional>

#include "fs/base/mutex.h"
#include "fs/base/patience.h"
#include "fs/base/result.h"
#include "fs/store/store.h"

namespace scratchfs::content {

// One thread's at a time, which may wait while it has it. Who takes it holds no lock.
class Turn {
 public:
  // The error that `wait` (not Wait::no) ends with; then it is not taken. `wait` must last until
  // give(): whoever waits for the turn goes by the progress of who has it.
  base::Result<void> take(base::Wait wait) EXCLUDES(mutex_);
  void give() EXCLUDES(mutex_);

 private:
  base::Mutex mutex_;
  base::Condition given_;
  std::optional<base::Wait> holder_ GUARDED_BY(mutex_);
  base::Patience::Clock::time_point given_at_ GUARDED_BY(mutex_);
};

// What an operation that answered kWouldBlock lacks.
struct Lack {
  // A block is spilled (or may not be written to yet).
  std::optional<store::Hold> block;
  store::Access access = store::Access::read;
  // Frames are missing: as many.
  unsigned frames = 0;
};

// What was waited for. A thread never has a pin in hand while it waits, and never more than a
// block's frames: waiters cannot use up the memory that they wait for.
struct Hand {
  store::Pin pin;
  store::FrameGrant grant;
  // Why there are no frames, not even one. The second look still finds what can be done without
  // any.
  std::optional<base::Errno> refused;

  // Callers hold no lock; `wait` is not Wait::no. EIO, ENOSPC: the block cannot be had; or what
  // `wait` ended with.
  base::Result<void> wait_for(store::Store& store, Lack lack, base::Wait wait);

 private:
  base::Result<void> wait_for_block(store::Store& store, const Lack& lack, base::Wait wait);
  void wait_for_frames(store::Store& store, unsigned count, base::Wait wait);
};

}  // namespace scratchfs::content
