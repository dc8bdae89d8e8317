// All blocks of a store: pinning, eviction, fetching and read-ahead. Lock order: a shard's mutex,
// then the leaves (frames, budget, slots).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "fs/base/log_limiter.h"
#include "fs/base/result.h"
#include "fs/store/block.h"
#include "fs/store/budget.h"
#include "fs/store/cipher.h"
#include "fs/store/disk_buffer.h"
#include "fs/store/frames.h"
#include "fs/store/shard.h"
#include "fs/store/slots.h"
#include "fs/store/store.h"

namespace scratchfs::store {

// Queues a block for Blocks::read() on a thread that may wait. Returns false, and leaves the job to
// the caller, if it cannot. Must not call back.
using ReadSoon = std::function<bool(FetchJob& job)>;

// Thread-safe. `slots` and `cipher` are null in a store that never spills. Without `read_soon`,
// fetch() reads the block on the calling thread even if its `wait` has a deadline.
class Blocks {
 public:
  Blocks(Frames& frames, Budget& budget, Slots* slots, Cipher* cipher, ReadSoon read_soon = {});
  ~Blocks();

  // The owner's side; see store.h. unpin() ends a pin made by pin() or fetch().
  Block* make();
  Block* make_blank(PageMask pages);
  bool reshape_blank(Block& block, PageMask pages);
  void drop(Block& block);
  base::Result<void> pin(Block& block, Access access);
  void unpin(Block& block);
  void hold(Block& block);
  void unhold(Block& block);
  base::Result<void> fetch(Block& block, Access access, base::Wait wait = base::Wait::yes);
  std::uint64_t spilled_bytes(const Block& block);

  // For the threads behind ReadSoon: reads the block and releases the job's hold. Waits for memory
  // and the disk.
  void read(FetchJob job);
  // Releases the job without reading it; its waiters get ECANCELED.
  void give_up(FetchJob job);

  // For read-ahead: fetches those of `blocks`, at most kBlocksAhead, that are spilled, in order, as
  // long as memory is available without waiting. Waits for the disk. The caller has a hold on each
  // block.
  static constexpr std::size_t kAheadBytes = 1 << 20;  // upper bound of one read
  static constexpr std::size_t kBlocksAhead = kAheadBytes / kBlockSize;
  void fetch_ahead(std::span<Block* const> blocks);
  // If the block is spilled, takes a hold as hold() does and returns true; else returns false.
  bool hold_if_spilled(Block& block);

  // The spiller's side.
  struct Choice {
    std::uint64_t evicted = 0;  // bytes freed at once (clean or unwritten blocks)
    std::uint64_t leaving = 0;  // bytes of blocks chosen to be written, announced to the budget
    // A cold block stayed because the spill limit is reached, or that of remembered blocks.
    bool no_slot = false;
  };
  // Selects blocks to evict: `ample` bytes of cold blocks, or, if there are not that many, up to
  // `wanted` bytes with hot blocks included. Evicts clean and unwritten blocks at once. Appends
  // dirty ones to `chosen` if `may_write`, at most `most` bytes of slots, each with a reserved
  // slot. Gives up only after it has examined every block.
  Choice choose(std::uint64_t wanted, std::uint64_t ample, bool may_write, std::uint64_t most,
                std::vector<Leaving>& chosen);
  // Encrypts the pages of a chosen block, packed, into `sealed`. Returns false if the block stays
  // in memory.
  bool seal(Leaving& leaving, std::byte* sealed);
  // Call after the write to the slot has succeeded. Returns the bytes that were freed.
  std::uint64_t written(Leaving& leaving);
  // Call if the block was not written: it stays in memory. `has_slot`: its slot was allocated, not
  // only reserved.
  void not_written(Leaving& leaving, bool has_slot);

  struct Totals {
    std::uint64_t spilled, fetched, corrupt;  // blocks since the start
    std::uint64_t blank;  // bytes of slots that are counted for blank blocks now
  };
  Totals totals() const;

 private:
  enum class Way { ready, read, hand_over, join, promise, canceled };
  static constexpr std::size_t kShards = 64;

  Shard& shard_of(const Block& block);
  // Takes a block in memory back from the spiller and makes it firm. Returns false if the budget
  // has no room for that now.
  bool make_writable(Shard& shard, Block& block) REQUIRES(shard.mutex);
  void make_firm(Block& block);
  void free_slot(Block& block);
  base::Result<void> pin_blank(Block& block, Access access);
  void stay(Block& block);
  void add_pin(Block& block);
  static void add_hold(Block& block);
  void await_encryption(Shard& shard, Block& block) REQUIRES(shard.mutex);

  void free_memory(Shard& shard, Block& block) REQUIRES(shard.mutex);
  bool become_blank(Shard& shard, Block& block) REQUIRES(shard.mutex);
  void become_spilled(Shard& shard, Block& block, const Seal& seal, std::uint64_t firm,
                      std::uint64_t clean) REQUIRES(shard.mutex);
  // Frees what the last user leaves of a dropped block. Returns true if the caller must delete the
  // block, after it has released the mutex.
  bool reap(Shard& shard, Block& block) REQUIRES(shard.mutex);
  void destroy(Block* block);

  // Decides how to serve a fetch. `job` provides what a read needs; if another thread is to read,
  // `job` gets the block and a hold.
  Way begin_fetch(Shard& shard, Block& block, Access access, base::Wait wait, FetchJob& job)
      REQUIRES(shard.mutex);
  void hand_over(FetchJob& job);
  base::Result<void> join_fetch(Shard& shard, Fetching& fetching, base::Wait wait)
      EXCLUDES(shard.mutex);
  base::Result<void> promise_dirty(Shard& shard, Block& block, base::Wait wait, bool& done)
      EXCLUDES(shard.mutex);
  base::Result<void> read_now(Shard& shard, Block& block, FetchJob& job) EXCLUDES(shard.mutex);
  static void note_asked(Shard& shard, Fetching& fetching) EXCLUDES(shard.mutex);
  base::Result<void> reserve(Need need, std::uint64_t bytes, base::Wait wait);
  static void begin_reading(Block& block, Fetching& fetching);
  bool finish_fetch(Shard& shard, Block& block, Fetching& fetching,
                    const base::Result<void>& loaded, std::unique_ptr<Resident> resident)
      EXCLUDES(shard.mutex);
  base::Result<void> load(const Block& block, std::uint64_t nonce, Resident& resident);
  base::Result<void> read_slots(SlotClass size, std::uint32_t slot, std::span<std::byte> into);
  base::Result<void> open_into(const Block& block, std::uint64_t nonce, const std::byte* sealed,
                               Resident& resident);
  using Pages = std::array<std::byte*, kPagesPerBlock>;
  std::span<std::byte* const> take_pages(PageMask mask, Resident& resident, Pages& pages);
  bool begin_ahead(Block& block, FetchJob& ahead);
  static std::size_t neighbours(std::span<const FetchJob> reads);
  void read_neighbours(std::span<FetchJob> reads);
  void end_fetch(Shard& shard, Block& block, Fetching& fetching, std::unique_ptr<Resident> resident)
      REQUIRES(shard.mutex);

  struct Search {
    Moment round;          // blocks that the hand has passed since then have been examined
    Moment turn;           // the shard's turn ends at blocks that are newer than this
    bool hurried = false;  // each visit takes a use from a hot block
    std::uint64_t wanted = 0;
    bool may_write = false;
    std::uint64_t most = 0;
    bool satisfied(const Choice& choice) const {
      return choice.evicted + choice.leaving >= wanted || choice.leaving + kBlockSize > most;
    }
  };
  // Returns the shard with the oldest block, and the moment up to which its turn lasts.
  std::pair<Shard*, Moment> oldest_shard();
  void choose_in(Shard& shard, const Search& search, std::vector<Leaving>& chosen, Choice& choice)
      EXCLUDES(shard.mutex);
  void take_victim(Shard& shard, Resident& victim, std::vector<Leaving>& chosen, Choice& choice)
      REQUIRES(shard.mutex);

  Frames& frames_;
  Budget& budget_;
  Slots* const slots_;
  Cipher* const cipher_;
  const ReadSoon read_soon_;
  DiskBuffers buffers_{kBlockSize};
  DiskBuffers ahead_buffers_{kAheadBytes};
  std::array<Shard, kShards> shards_;
  // When the disk last completed a read.
  std::atomic<Moment> last_read_{std::chrono::steady_clock::now()};
  std::atomic<std::uint64_t> alive_{0};
  std::atomic<std::uint64_t> blank_{0};
  std::atomic<std::uint64_t> spilled_{0};
  std::atomic<std::uint64_t> fetched_{0};
  std::atomic<std::uint64_t> corrupt_{0};
  base::LogLimiter fetch_log_{std::chrono::seconds(1)};
};

// Collects the frames of a block's pages, in page order, and returns their number.
inline std::size_t frames_of(PageMask mask, const Resident& resident,
                             std::array<FrameIndex, kPagesPerBlock>& frames) {
  std::size_t count = 0;
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    frames[count++] = resident.frames[static_cast<std::size_t>(std::countr_zero(rest))];
  }
  return count;
}

}  // namespace scratchfs::store
