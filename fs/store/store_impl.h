// The parts of a store, in the order of their creation; each part knows only those above it.
#pragma once

#include <memory>

#include "fs/store/blocks.h"
#include "fs/store/budget.h"
#include "fs/store/cipher.h"
#include "fs/store/fetch_pool.h"
#include "fs/store/frames.h"
#include "fs/store/housekeeper.h"
#include "fs/store/pressure_watch.h"
#include "fs/store/slots.h"
#include "fs/store/spiller.h"
#include "fs/store/store.h"

namespace scratchfs::store {

class Store::Impl {
 public:
  Impl(std::uint64_t memory, bool can_spill) : budget(memory, can_spill) {}
  // Stops the threads first, because they use all other parts. The key is wiped with the cipher.
  ~Impl() {
    pressure.reset();
    fetch_pool.reset();
    spiller.reset();
    housekeeper.stop();
  }

  base::Result<void> make_parts(const StoreOptions& options);
  void give_back_frames(std::span<const FrameIndex> unused);

  Budget budget;
  Housekeeper housekeeper;
  std::unique_ptr<Frames> frames;
  std::unique_ptr<Slots> slots;    // null: never spills
  std::unique_ptr<Cipher> cipher;  // the same
  std::unique_ptr<Blocks> blocks;
  std::unique_ptr<Spiller> spiller;         // the same
  std::unique_ptr<FetchPool> fetch_pool;    // the same
  std::unique_ptr<PressureWatch> pressure;  // null: pressure is ignored
};

}  // namespace scratchfs::store
