// Stores blocks of content in memory (frames) or on disk (slots of spill files), within a budget.
//
// The store knows no inodes, users or paths. Each block has one owner (fs/content), which orders
// all access to it: pages are added, dropped and written by one thread at a time, with no
// concurrent reader; there may be many readers. The store spills and fetches blocks at any time,
// and never needs a lock of the owner for that.
//
// A caller that must not wait uses the functions that return kWouldBlock. A caller that may wait
// releases its own locks, calls the waiting function, and retries. What the waiting call returned
// (a pin, a grant) makes the retry succeed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "fs/base/memory_pressure.h"
#include "fs/base/os_file.h"
#include "fs/base/result.h"
#include "fs/store/units.h"

namespace scratchfs::store {

class Block;  // opaque; made by Store::new_block
class Store;

struct BlockDeleter {
  Store* store = nullptr;
  // Frees frames and slot at once. Safe while the block is being spilled.
  void operator()(Block* block) const;
};
using BlockPtr = std::unique_ptr<Block, BlockDeleter>;

// Frames that are reserved but not yet part of a block. The destructor returns the unused ones.
class FrameGrant {
 public:
  FrameGrant() = default;
  FrameGrant(FrameGrant&& other) noexcept;
  FrameGrant& operator=(FrameGrant&& other) noexcept;
  ~FrameGrant();
  unsigned size() const { return count_; }

 private:
  friend class Store;
  friend class Pin;
  FrameGrant(Store* store, unsigned count) : store_(store), count_(count) {}
  Store* store_ = nullptr;
  unsigned count_ = 0;
  std::array<std::uint32_t, kPagesPerBlock> frames_{};
};

struct Unpin {
  Store* store = nullptr;
  void operator()(Block* block) const;
};
// Keeps a block alive and in memory while its pages are read or written. Move-only.
class Pin {
 public:
  Pin() = default;
  explicit operator bool() const { return block_ != nullptr; }
  bool pins(const Block& block) const { return block_.get() == &block; }

  // Returns the kPageSize bytes of page `index` (< kPagesPerBlock), or nullptr for a hole. Valid as
  // long as the pin.
  const std::byte* page(unsigned index) const;
  // The same for writing. REQUIRES: the pin is for writing.
  std::byte* writable_page(unsigned index);
  // Turns a hole into a page, using one frame of `grant`, which must not be empty. The page is
  // zeroed, unless the caller is about to overwrite all of it (`will_fill`): then its bytes are
  // undefined.
  std::byte* add_page(unsigned index, FrameGrant& grant, bool will_fill);
  // Turns the pages of `mask` into holes and frees their frames at once.
  void drop_pages(PageMask mask);
  // Mark existing pages as written or unwritten; unwritten pages must be all zeros. REQUIRES: the
  // pin is for writing.
  void note_written(PageMask pages);
  void note_unwritten(PageMask pages);

 private:
  friend class Store;
  Pin(Store* store, Block* block, bool for_writing)
      : block_(block, Unpin{store}), for_writing_(for_writing) {}
  Store& store() const { return *block_.get_deleter().store; }
  std::unique_ptr<Block, Unpin> block_;
  bool for_writing_ = false;
};

struct Unhold {
  Store* store = nullptr;
  void operator()(Block* block) const;
};
// Keeps a block alive, but not in memory, for a thread that waits without its owner's lock.
using Hold = std::unique_ptr<Block, Unhold>;

// Announces that bytes will soon be free. While it exists, allocations that find no room wait for
// them instead of failing. Move-only; the store must outlive it.
class Freeing {
 public:
  Freeing(Freeing&& other) noexcept;
  Freeing& operator=(Freeing&& other) = delete;
  ~Freeing();
  // Reports that `bytes` of them are free now.
  void freed(std::uint64_t bytes);

 private:
  friend class Store;
  Freeing(Store* store, std::uint64_t bytes) : store_(store), bytes_(bytes) {}
  Store* store_;
  std::uint64_t bytes_;
};

enum class Access : bool { read, write };

struct StoreOptions {
  std::uint64_t memory = 0;       // the budget: bytes of content in memory; at least kMinBudget
  std::uint64_t spill = 0;        // maximum bytes on disk; 0: never spill
  std::uint64_t most_memory = 0;  // upper bound for set_memory(), if more than `memory`
  // Not owned; must outlive the store. May be null if spill is 0.
  base::OsDirectory* spill_directory = nullptr;
  // Not owned, must outlive the store; null: pressure is ignored.
  base::MemoryPressure* pressure = nullptr;
};
inline constexpr std::uint64_t kMinBudget = 8ULL << 20;

struct StoreStats {
  std::uint64_t budget = 0;          // bytes
  std::uint64_t target = 0;          // bytes; see Budget::target()
  bool under_pressure = false;       // the machine is, or recently was, short of memory
  std::uint64_t memory_used = 0;     // bytes: frames in use, small contents and spill bookkeeping
  std::uint64_t reserve = 0;         // bytes of free frames that have memory behind them
  std::uint64_t spill_limit = 0;     // bytes
  std::uint64_t spilled = 0;         // bytes of slots in use
  std::uint64_t set_aside = 0;       // of `spilled`, for pages that were never written
  std::uint64_t blocks_spilled = 0;  // since the start
  std::uint64_t blocks_fetched = 0;  // since the start
  std::uint64_t blocks_corrupt = 0;  // fetches that failed verification
  std::uint64_t spill_errors = 0;    // failed writes to the spill files
};

class Store {
 public:
  // Creates the key and the spill files and starts the threads. Call it after the process has
  // daemonized. EINVAL: budget below kMinBudget, or no spill directory; ENOMEM: not enough address
  // space or lockable memory; EAGAIN: no thread could be started; else the errors of
  // create_hidden().
  static base::Result<std::unique_ptr<Store>> create(const StoreOptions& options);
  ~Store();  // REQUIRES: no block exists. Wipes the key.

  // Makes a block without pages. Never waits.
  BlockPtr new_block();
  // Makes a block of the given pages (at least one), none of which is written. It needs no frames
  // and no disk writes as long as that is so, but room for it is reserved on the disk, so that
  // writing to it later finds room. Returns null if the disk has no room. Never waits.
  BlockPtr new_blank(PageMask pages);
  // Changes the pages of such a block to `pages` (at least one). Returns false if the block is no
  // longer blank, or if the disk has no room for more pages. REQUIRES: the owner's lock.
  bool reshape_blank(Block& block, PageMask pages);
  // Returns the pages that exist, and those that have been written. REQUIRES: the owner's lock, at
  // least shared.
  static PageMask pages(const Block& block);
  static PageMask written(const Block& block);

  // Pins a block that is in memory. Never waits for the disk. kWouldBlock: the block is spilled, or
  // cannot be made writable now; then call hold(), release the owner's locks, call fetch(),
  // reacquire the locks and retry with the pin in hand.
  base::Result<Pin> pin(Block& block, Access access);
  Hold hold(Block& block);
  // Fetches a block into memory and pins it. Waits for the disk and for free frames. The caller
  // holds no lock; `wait` is not Wait::no. EIO: the block could not be read or failed verification.
  // ENOSPC: no frame can be freed. ECANCELED: the owner dropped the block. If `wait` ends first,
  // returns its error; the fetch continues in the background for the next user of the block.
  base::Result<Pin> fetch(const Hold& hold, Access access, base::Wait wait = base::Wait::yes);

  // Returns whether any slot is in use.
  bool has_spilled() const;
  // Returns the bytes of the block's pages if they are only on disk, else 0. REQUIRES: the owner's
  // lock, at least shared.
  std::uint64_t spilled_bytes(const Block& block) const;
  // Hints that `blocks` will be needed: fetches those that are spilled soon, in this order, as far
  // as there is room. Never waits. REQUIRES: the owner's lock, at least shared.
  void read_ahead(std::span<Block* const> blocks);

  // Takes `count` (1..kPagesPerBlock) frames for add_page(). Never waits. kWouldBlock: none are
  // free now, but some can be freed. ENOSPC: memory and disk are full (or spill is 0). EIO: memory
  // is full and the disk fails.
  base::Result<FrameGrant> try_take_frames(unsigned count);
  // The same, but waits for the spiller. If `wait` (not Wait::no) ends first, returns its error.
  // The caller holds no lock.
  base::Result<FrameGrant> take_frames(unsigned count, base::Wait wait = base::Wait::yes);

  // Counts `bytes` on the heap (small contents, block maps, extended attributes) against the
  // budget. Never waits. ENOSPC: no room in the budget.
  base::Result<void> add_small(std::uint64_t bytes);
  // The same for objects that cannot wait (inodes, names): contents are spilled to make room.
  // ENOSPC: they cannot be spilled, or too little would be left for frames.
  base::Result<void> add_objects(std::uint64_t bytes);
  // Undoes either.
  void remove_small(std::uint64_t bytes);

  // Announces that blocks of that many bytes will be dropped in the background.
  Freeing freeing(std::uint64_t bytes);

  // Changes the budget. A larger one takes effect at once; for a smaller one, the excess is spilled
  // in the background, and no operation fails because of it. EINVAL: below kMinBudget. ENOMEM: more
  // than StoreOptions::most_memory. EBUSY: more must stay in memory than the new budget has room
  // for, or more must be spilled than the disk has room for (or spill is 0).
  base::Result<void> set_memory(std::uint64_t bytes);
  // Changes the spill limit; what is spilled beyond a lower one stays. EINVAL: the store was
  // created with spill 0.
  base::Result<void> set_spill(std::uint64_t bytes);

  // Memory that contents take besides their pages: bytes in all, and bytes of each block.
  struct Overhead {
    std::uint64_t fixed = 0;
    std::uint64_t per_block = 0;
  };
  // Returns the bytes that can still be stored in memory and on disk together if contents also take
  // `overhead`. What is being freed counts as free.
  std::uint64_t free_bytes(Overhead overhead) const;
  std::uint64_t free_bytes() const { return free_bytes({}); }
  std::uint64_t total_bytes(Overhead overhead) const;
  std::uint64_t total_bytes() const { return total_bytes({}); }
  StoreStats stats() const;

 private:
  friend struct BlockDeleter;
  friend class FrameGrant;
  friend class Pin;
  friend struct Unpin;
  friend struct Unhold;
  friend class Freeing;
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  FrameGrant grant(unsigned count);
  std::unique_ptr<Impl> impl_;
};

}  // namespace scratchfs::store
