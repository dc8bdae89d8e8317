// All blocks of a store and what happens to them. Lock order: a shard's mutex, then the leaves
// (frames, budget, slots).
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

// Has a job's block read() soon by a thread that may wait; false: not taken. Must not call back.
using ReadSoon = std::function<bool(FetchJob& job)>;

// Thread-safe. `slots` and `cipher` are null in a store that never spills. Without `read_soon` who
// wants a block reads it himself, however short his patience is.
class Blocks {
 public:
  Blocks(Frames& frames, Budget& budget, Slots* slots, Cipher* cipher, ReadSoon read_soon = {});
  ~Blocks();
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  // For owners; as told in store.h. What pin() and fetch() pinned, unpin() lets go.
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

  // For those who read_soon(). Waits for memory and the disk, and lets the hold go.
  void read(FetchJob job);
  // The same without reading it: who waits for it gets ECANCELED.
  void give_up(FetchJob job);

  // For reading ahead. Each block has a hold. Brings those that are spilled into memory, in order,
  // as long as memory can be had without waiting. Waits for the disk.
  static constexpr std::size_t kAheadBytes = 1 << 20;  // of one read at most
  void fetch_ahead(std::span<Block* const> blocks);
  // As hold(), if it is spilled; else false, and there is no hold.
  bool hold_if_spilled(Block& block);

  // For the spiller.
  struct Choice {
    std::uint64_t evicted = 0;  // bytes that went free at once: clean blocks
    std::uint64_t leaving = 0;  // bytes of the blocks chosen to be written, announced to the budget
    bool no_slot = false;       // a cold block stayed because of the spill limit
  };
  // Looks for `ample` bytes of cold blocks, and for `wanted` of them (not more) among the hot ones
  // where there are not as many. Clean ones are evicted on the spot; others are put into `chosen`
  // (at most `most` slot bytes, a slot reserved for each), if `may_write`. Every block is looked at
  // before it gives up.
  Choice choose(std::uint64_t wanted, std::uint64_t ample, bool may_write, std::uint64_t most,
                std::vector<Leaving>& chosen);
  // Encrypts a chosen block into `sealed` (its pages, packed). False: it stays.
  bool seal(Leaving& leaving, std::byte* sealed);
  // The write to its slot ended. Returns the bytes that went free.
  std::uint64_t written(Leaving& leaving);
  // It was not written: it stays. `has_slot`: one was allocated already, not just reserved.
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
  // Takes a block in memory back from the spiller and makes it firm. False: the budget has no room
  // for that now.
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
  // Frees what the last user leaves of a dropped block. True: the caller deletes it, without the
  // mutex.
  bool reap(Shard& shard, Block& block) REQUIRES(shard.mutex);
  void destroy(Block* block);

  // `job` has what it takes to read; where another thread is to, it gets the block and a hold.
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
  struct Ahead {
    Block* block = nullptr;
    std::shared_ptr<Fetching> fetching;
    std::unique_ptr<Resident> resident;
  };
  bool begin_ahead(Block& block, Ahead& ahead);
  static std::size_t neighbours(std::span<const Ahead> reads);
  void read_neighbours(std::span<Ahead> reads);
  void end_fetch(Shard& shard, Block& block, Fetching& fetching, std::unique_ptr<Resident> resident)
      REQUIRES(shard.mutex);

  struct Search {
    Moment round;          // what the hand passed since then has had its look
    Moment turn;           // the other shards have nothing older
    bool hurried = false;  // hot blocks are not left alone
    std::uint64_t wanted = 0;
    bool may_write = false;
    std::uint64_t most = 0;
    bool satisfied(const Choice& choice) const {
      return choice.evicted + choice.leaving >= wanted || choice.leaving + kBlockSize > most;
    }
  };
  // And how far its turn goes.
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
  std::atomic<Moment> last_read_{std::chrono::steady_clock::now()};  // that the disk answered
  std::atomic<std::uint64_t> alive_{0};
  std::atomic<std::uint64_t> blank_{0};
  std::atomic<std::uint64_t> spilled_{0};
  std::atomic<std::uint64_t> fetched_{0};
  std::atomic<std::uint64_t> corrupt_{0};
  base::LogLimiter fetch_log_{std::chrono::seconds(1)};
};

// The frames of a block's pages, in the order of the pages.
inline std::size_t frames_of(PageMask mask, const Resident& resident,
                             std::array<FrameIndex, kPagesPerBlock>& frames) {
  std::size_t count = 0;
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    frames[count++] = resident.frames[static_cast<std::size_t>(std::countr_zero(rest))];
  }
  return count;
}

}  // namespace scratchfs::store
