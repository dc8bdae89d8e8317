// Blocks of content, in memory (frames) or on disk (a slot of a spill file), within a budget.
//
// The store knows no inode, user or path. A block has one owner (fs/content), who orders all access
// to it: pages are added, dropped and written by one thread at a time, with no reader beside it;
// readers may be many. The store itself moves blocks out and back in underneath, at any time, and
// never needs a lock of its owner for that.
//
// A caller that must not wait uses the functions that answer kWouldBlock; a caller that may wait
// gives up its own locks first, calls the one that waits, and looks again. What it got (a pin, a
// grant) makes the second look succeed.
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
  void operator()(
      Block* block) const;  // frees frames and slot at once; safe while the block is being spilled
};
using BlockPtr = std::unique_ptr<Block, BlockDeleter>;

// Frames taken out of the free ones, not yet part of a block; what is not used goes back when the
// grant ends.
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

// Keeps a block in memory, and alive, while its pages are read or written. Move-only.
class Pin {
 public:
  Pin() = default;
  Pin(Pin&& other) noexcept;
  Pin& operator=(Pin&& other) noexcept;
  ~Pin();
  explicit operator bool() const { return block_ != nullptr; }
  bool pins(const Block& block) const { return block_ == &block; }

  // The kPageSize bytes of page `index` (< kPagesPerBlock), or nullptr where it is a hole. Valid as
  // long as the pin.
  const std::byte* page(unsigned index) const;
  // The same to write to; only through a pin made for writing.
  std::byte* writable_page(unsigned index);
  // Turns a hole into a page, with one frame of `grant` (which must not be empty). Its bytes are
  // zero, unless the caller says that it overwrites them all at once (`will_fill`): then they are
  // undefined until it did.
  std::byte* add_page(unsigned index, FrameGrant& grant, bool will_fill);
  // Turns the pages of `mask` into holes and frees their frames at once.
  void drop_pages(PageMask mask);
  // Tells of existing pages, which must be zeros where they are unwritten. Only through a pin made
  // for writing.
  void note_written(PageMask pages);
  void note_unwritten(PageMask pages);

 private:
  friend class Store;
  Pin(Store* store, Block* block, bool for_writing)
      : store_(store), block_(block), for_writing_(for_writing) {}
  Store* store_ = nullptr;
  Block* block_ = nullptr;
  bool for_writing_ = false;
};

// Keeps a block alive, but not in memory: what a waiter holds while its owner's lock is not held.
class Hold {
 public:
  Hold() = default;
  Hold(Hold&& other) noexcept;
  Hold& operator=(Hold&& other) noexcept;
  ~Hold();

 private:
  friend class Store;
  Hold(Store* store, Block* block) : store_(store), block_(block) {}
  Store* store_ = nullptr;
  Block* block_ = nullptr;
};

// Announces that bytes are about to become free: while it lasts, who finds no room waits for them
// instead of failing. Move-only; its store outlives it.
class Freeing {
 public:
  Freeing(Freeing&& other) noexcept;
  Freeing& operator=(Freeing&& other) = delete;
  ~Freeing();
  // So many of them are free now.
  void freed(std::uint64_t bytes);

 private:
  friend class Store;
  Freeing(Store* store, std::uint64_t bytes) : store_(store), bytes_(bytes) {}
  Store* store_;
  std::uint64_t bytes_;
};

enum class Access : bool { read, write };

struct StoreOptions {
  std::uint64_t memory = 0;       // bytes of content in memory: the budget; at least kMinBudget
  std::uint64_t spill = 0;        // bytes on disk at most; 0: never spill
  std::uint64_t most_memory = 0;  // what set_memory() may ask for, if more than `memory`
  base::OsDirectory* spill_directory =
      nullptr;  // not owned, outlives the store; may be null when spill is 0
  base::MemoryPressure* pressure = nullptr;  // not owned, outlives the store; null: none is felt
};
inline constexpr std::uint64_t kMinBudget = 8ULL << 20;

struct StoreStats {
  std::uint64_t budget = 0;          // bytes
  std::uint64_t target = 0;          // bytes; what the spiller aims at
  bool under_pressure = false;       // the machine is, or was a moment ago, short of memory
  std::uint64_t memory_used = 0;     // bytes of frames in use, small contents and spill bookkeeping
  std::uint64_t reserve = 0;         // bytes of frames that are touched and free
  std::uint64_t spill_limit = 0;     // bytes
  std::uint64_t spilled = 0;         // bytes of slots in use
  std::uint64_t set_aside = 0;       // of those: for pages that nobody has written yet
  std::uint64_t blocks_spilled = 0;  // since the start
  std::uint64_t blocks_fetched = 0;  // since the start
  std::uint64_t blocks_corrupt = 0;  // fetches whose slot did not verify
  std::uint64_t spill_errors = 0;    // writes to the spill files that failed
};

class Store {
 public:
  // Makes the key and the spill files and starts the spiller; call it after the process has
  // daemonized. EINVAL: budget below kMinBudget; ENOMEM: no address space or lockable memory; else
  // create_hidden()'s errno.
  static base::Result<std::unique_ptr<Store>> create(const StoreOptions& options);
  ~Store();  // every block is gone by then; wipes the key
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // A block without pages. Never waits.
  BlockPtr new_block();
  // A block of pages that nobody has written (not none of them), which needs neither frames nor the
  // disk as long as that is so: room for it is kept on the disk, so that writing to it finds some.
  // Null: there is none on the disk. Never waits.
  BlockPtr new_blank(PageMask pages);
  // Makes `pages` (not none) the pages of such a block. False: it is no such block any more, or
  // there is no room for more of them on the disk. Needs the owner's lock.
  bool reshape_blank(Block& block, PageMask pages);
  // Which pages exist, and which of them were written to; needs the owner's lock (shared at least).
  static PageMask pages(const Block& block);
  static PageMask written(const Block& block);

  // Pins a block that is in memory. Never waits for the disk. kWouldBlock: it is spilled; then
  // hold(), give up the owner's locks, fetch(), take the locks again and look again with the pin in
  // hand.
  base::Result<Pin> pin(Block& block, Access access);
  Hold hold(Block& block);
  // Brings a block into memory and pins it; waits for the disk and for free frames. Callers hold no
  // lock. EIO: it could not be read or did not verify. ENOSPC: no frame can be freed. ECANCELED:
  // its owner dropped it. Where `wait` ends first, its error: the block is brought all the same,
  // for whoever wants it next. `wait` is not Wait::no.
  base::Result<Pin> fetch(const Hold& hold, Access access, base::Wait wait = base::Wait::yes);

  // Whether any block is spilled.
  bool has_spilled() const;
  // Bytes of the block's pages if they are on disk alone, else 0. Needs the owner's lock (shared at
  // least).
  std::uint64_t spilled_bytes(const Block& block) const;
  // Brings those of `blocks` that are spilled into memory soon, in this order, as far as there is
  // room: a hint. Never waits. Needs the owner's lock (shared at least).
  void read_ahead(std::span<Block* const> blocks);

  // `count` (1..kPagesPerBlock) frames for add_page. Never waits. kWouldBlock: none free now,
  // though some can be freed. ENOSPC: memory is full and so is the disk (or spill is 0). EIO:
  // memory is full and the disk fails.
  base::Result<FrameGrant> try_take_frames(unsigned count);
  // The same, waiting for the spiller as long as `wait` (not Wait::no) allows; its error then.
  // Callers hold no lock.
  base::Result<FrameGrant> take_frames(unsigned count, base::Wait wait = base::Wait::yes);

  // Counts `bytes` of content kept elsewhere (small contents next to their inode) in the budget.
  // Never waits. ENOSPC: over the budget.
  base::Result<void> add_small(std::uint64_t bytes);
  // The same for what is no content (inodes, names): contents are spilled to make room. ENOSPC
  // where they cannot be, or too little would be left for frames.
  base::Result<void> add_objects(std::uint64_t bytes);
  void remove_small(std::uint64_t bytes);

  // Blocks of that many bytes will be dropped in the background.
  Freeing freeing(std::uint64_t bytes);

  // Another budget, from now on: more is there at once, what is above a smaller one is spilled in
  // the background while nobody fails. EINVAL: below kMinBudget. ENOMEM: more than
  // StoreOptions::most_memory. EBUSY: more must stay in memory than the budget has room for, or
  // must go than the disk has (or spill is 0).
  base::Result<void> set_memory(std::uint64_t bytes);
  // Another spill limit; what is spilled beyond a lower one stays. EINVAL: made with spill 0.
  base::Result<void> set_spill(std::uint64_t bytes);

  // Bytes that can still be stored, in memory and on disk together; what is being freed is free.
  std::uint64_t free_bytes() const;
  std::uint64_t total_bytes() const;
  StoreStats stats() const;

 private:
  friend struct BlockDeleter;
  friend class FrameGrant;
  friend class Pin;
  friend class Hold;
  friend class Freeing;
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace scratchfs::store
