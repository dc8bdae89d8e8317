// Waiting without a lock: what an operation lacks is found out under the content's lock, waited for
// without it, and brought back in hand for a second look.
#pragma once

#include <optional>

#include "fs/base/result.h"
#include "fs/store/store.h"

namespace scratchfs::content {

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

  // Callers hold no lock. EIO, ENOSPC: the block cannot be had.
  base::Result<void> wait_for(store::Store& store, Lack lack);

 private:
  base::Result<void> wait_for_block(store::Store& store, const Lack& lack);
  void wait_for_frames(store::Store& store, unsigned count);
};

}  // namespace scratchfs::content
