// Waiting without locks: under the content's lock an operation finds out what it lacks, waits for
// it without the lock, and retries with it acquired.
#pragma once

#include <optional>

#include "fs/base/deadline.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/store.h"

namespace scratchfs::content {

// A queue for operations that one thread at a time may do, and that may wait meanwhile. Callers of
// take() hold no lock.
class Turn {
 public:
  // Waits for the turn and takes it. If `wait` (not Wait::no) ends first, returns its error, and
  // the turn is not taken. `wait` must live until give(), because the progress of the holder counts
  // for the waiters.
  base::Result<void> take(base::Wait wait) EXCLUDES(mutex_);
  void give() EXCLUDES(mutex_);

 private:
  base::Mutex mutex_;
  base::Condition given_;
  std::optional<base::Wait> holder_ GUARDED_BY(mutex_);
  base::CancellableDeadline::Clock::time_point given_at_ GUARDED_BY(mutex_);
};

// What an operation that returned kWouldBlock has to wait for.
struct Missing {
  // A block that is spilled, or that may not be written yet.
  std::optional<store::Hold> block;
  store::Access access = store::Access::read;
  // The number of frames that are missing.
  unsigned frames = 0;
};

// What was waited for. A waiting thread never has a pin acquired, and never more than one block's
// frames, so that waiters cannot use up the memory that they wait for.
struct Acquired {
  store::Pin pin;
  store::FrameGrant grant;
  // Why there are no frames, not even one. The next pass still does what it can without frames.
  std::optional<base::Errno> refused;

  // Returns the pin that was waited for, if it is one of `block`, or else pins the block. Records
  // it in `missing` on kWouldBlock. The caller holds the content's lock.
  base::Result<store::Pin> pin_of(store::Store& store, store::Block& block, store::Access access,
                                  Missing& missing);

  // Waits for what `missing` says. The caller holds no lock; `wait` is not Wait::no. EIO, ENOSPC:
  // the block cannot be fetched; or the error that `wait` ended with.
  base::Result<void> wait_for(store::Store& store, Missing missing, base::Wait wait);

 private:
  base::Result<void> wait_for_block(store::Store& store, const Missing& missing, base::Wait wait);
  void wait_for_frames(store::Store& store, unsigned count, base::Wait wait);
};

}  // namespace scratchfs::content
