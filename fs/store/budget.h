// How much memory contents take, who may take more, and who waits for it.
//
// All counted memory is either *clean* (a block's frames whose bytes are in a slot as well:
// evicting them costs nothing) or *firm* (everything else: only the disk can free it, or its
// owner). Marks:
//
//   target     used memory above it: the spiller works in the background
//   trigger    firm memory never grows above it by new data: takers wait, or fail when the disk is
//   no help overwrite  firm memory never grows above it by overwriting spilled data, whose slot is
//   free from then on budget     used memory never exceeds it; what is between `overwrite` and it
//   is for reading spilled data back, so
//              everything accepted stays readable with a full or broken disk
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "fs/base/mutex.h"
#include "fs/base/result.h"

namespace scratchfs::store {

struct Marks {
  std::uint64_t target, trigger, overwrite, budget;  // bytes, ascending
};
// Without a spill file nothing can be fetched, so nothing is kept back for that.
Marks marks_of(std::uint64_t budget, bool can_spill);

// What memory is asked for, most urgent first.
enum class Need : std::uint8_t {
  fetch,  // frames for spilled data: clean
  dirty,  // a clean block in memory will be written to: its bytes become firm, none are added
  take,   // frames for new data: firm
};
inline constexpr std::array kAllNeeds{Need::fetch, Need::dirty, Need::take};

// Thread-safe; a leaf in the lock order.
class Budget {
 public:
  using Clock = std::chrono::steady_clock;

  Budget(std::uint64_t budget, bool can_spill);

  // Takers' side. `bytes` are frames'. What was granted for `dirty` is a promise to be settled by
  // made_dirty(). kWouldBlock: not now. ENOSPC, EIO: not before something is deleted or the disk
  // recovers.
  base::Result<void> try_reserve(Need need, std::uint64_t bytes) EXCLUDES(mutex_);
  // The same, waiting in turn; never kWouldBlock, but what `wait` ends with. Whatever the disk
  // takes is progress for all who wait.
  base::Result<void> reserve(Need need, std::uint64_t bytes, base::Wait wait) EXCLUDES(mutex_);
  // Settles a promise: `kept` when the clean block of these bytes is firm now, else it is given up.
  void settle_dirty(std::uint64_t bytes, bool kept) EXCLUDES(mutex_);
  // Frames went free: `firm` and `clean` bytes of them.
  void release(std::uint64_t firm, std::uint64_t clean) EXCLUDES(mutex_);
  // Firm bytes got a copy in a slot.
  void made_clean(std::uint64_t bytes) EXCLUDES(mutex_);
  // Frames of a block are free now and `remembered` bytes are kept in their place.
  void spilled(std::uint64_t firm, std::uint64_t clean, std::uint64_t remembered) EXCLUDES(mutex_);
  // Remembered bytes of a spilled block are no longer needed.
  void forget(std::uint64_t remembered) EXCLUDES(mutex_);
  // Small contents; ENOSPC above the overwrite mark, or when too little would be left for frames.
  base::Result<void> add_small(std::uint64_t bytes) EXCLUDES(mutex_);
  // What is no content and cannot wait, such as inodes: where the disk helps, contents are evicted
  // to make room for it. ENOSPC where it does not and the budget is used up, or too little would be
  // left for frames. remove_small() takes it back.
  base::Result<void> add_objects(std::uint64_t bytes) EXCLUDES(mutex_);
  void remove_small(std::uint64_t bytes) EXCLUDES(mutex_);

  // The spiller's side.
  // Bytes to evict now: what is above the target, or what the waiters need; less what is being
  // written already. Waits until that is not 0. nullopt: stop() was called.
  std::optional<std::uint64_t> wait_for_work() EXCLUDES(mutex_);
  // Announces that `bytes` may be on their way out, before a slot is reserved for them: the other
  // spillers do not evict for the same need, nor take the reserved slot for a full disk.
  void leaving(std::uint64_t bytes) EXCLUDES(mutex_);
  // They stay: they got no slot.
  void stays(std::uint64_t bytes) EXCLUDES(mutex_);
  // They have left, or stayed after all. `progress`: something went free; `written`: the disk
  // works, as unblock() tells.
  void left(std::uint64_t bytes, bool progress, bool written) EXCLUDES(mutex_);
  // Counts what is remembered of a block that never had frames. False: there is no room for it, or
  // too little would be left for frames.
  bool remember(std::uint64_t bytes) EXCLUDES(mutex_);
  // Whether what is remembered of one more spilled block leaves enough for frames.
  bool may_remember(std::uint64_t bytes) EXCLUDES(mutex_);

  // The disk does not help (ENOSPC, EIO): takers fail with this until unblock(). Nothing happens
  // where unblock() was called after `generation` was read.
  void block(base::Errno error, std::uint64_t generation) EXCLUDES(mutex_);
  // The same for a spill limit that is reached; nothing happens while blocks are still on their way
  // out either.
  void block_full(std::uint64_t generation) EXCLUDES(mutex_);
  void unblock() EXCLUDES(mutex_);
  // So many bytes, in memory or on disk, are being freed by somebody: until freed() takers wait
  // where they would fail.
  void freeing(std::uint64_t bytes) EXCLUDES(mutex_);
  void freed(std::uint64_t bytes) EXCLUDES(mutex_);
  std::uint64_t generation() EXCLUDES(mutex_);
  // Called after a search that evicted nothing: waits until something changes, at most `pause`;
  // shorter when somebody waits. Who has waited too long with no progress at all gets the error.
  void pause(std::chrono::milliseconds pause) EXCLUDES(mutex_);
  void stop() EXCLUDES(mutex_);

  // Grows by kAges while as much as the budget is taken or fetched; from 1 on. Blocks that are used
  // in one age are used at the same time.
  static constexpr std::uint32_t kAges = 16;
  std::uint32_t age() const { return age_.load(std::memory_order_relaxed); }

  struct Counts {
    std::uint64_t used, firm, clean, small, remembered, freeing;  // bytes
    std::uint64_t most_remembered;  // of small and remembered together
  };
  Counts counts() const EXCLUDES(mutex_);
  Marks marks() const EXCLUDES(mutex_);

  // Another budget from now on; readers and writers are not failed for it. Where it is less than
  // what is used, the spiller brings that down while writers wait as above the trigger. Refused
  // (EBUSY) where it could not: small contents and what is remembered of spilled blocks would be
  // more than half of it, or firm memory above the new target is more than `spill_room` bytes.
  base::Result<void> resize(std::uint64_t budget, std::uint64_t spill_room) EXCLUDES(mutex_);
  // Lowers the target by so many eighths of the budget, at most to one of them; 0: as it was.
  static constexpr unsigned kMostRelief = 6;
  void relieve(unsigned eighths) EXCLUDES(mutex_);
  // What the spiller aims at now.
  std::uint64_t target() const EXCLUDES(mutex_);

 private:
  struct Waiter {
    std::uint64_t bytes;
    Clock::time_point since;
    base::Condition condition;
    bool done = false;
    std::optional<base::Errno> error;
  };

  std::uint64_t firm() const REQUIRES(mutex_) { return used_ - clean_ + promised_; }
  bool fits(Need need, std::uint64_t bytes) const REQUIRES(mutex_);
  bool firm_fits(Need need, std::uint64_t bytes) const REQUIRES(mutex_);
  void count(Need need, std::uint64_t bytes) REQUIRES(mutex_);
  void grow_older(std::uint64_t bytes) REQUIRES(mutex_);
  bool anyone_waits() const REQUIRES(mutex_);
  std::uint64_t excess() const REQUIRES(mutex_);
  void serve() REQUIRES(mutex_);
  void wake_spiller() REQUIRES(mutex_);
  // Why takers fail; nullopt: they wait.
  std::optional<base::Errno> hopeless() const REQUIRES(mutex_);
  void fail_takers() REQUIRES(mutex_);
  void allow_takers() REQUIRES(mutex_);
  void fail_waiters(Need need, base::Errno error, Clock::time_point before) REQUIRES(mutex_);

  std::uint64_t aim() const REQUIRES(mutex_);
  std::uint64_t most_used() const REQUIRES(mutex_);
  // Bytes of small contents and remembered blocks together.
  std::uint64_t most_remembered() const REQUIRES(mutex_);
  // Counts them as small, if there is room otherwise and enough is left for frames. ENOSPC.
  base::Result<void> count_small(std::uint64_t bytes, bool has_room) REQUIRES(mutex_);

  const bool can_spill_;
  mutable base::Mutex mutex_;
  Marks marks_ GUARDED_BY(mutex_);
  unsigned relief_ GUARDED_BY(mutex_) = 0;  // eighths of the budget
  std::uint64_t used_ GUARDED_BY(mutex_) = 0;
  std::uint64_t clean_ GUARDED_BY(mutex_) = 0;
  std::uint64_t promised_ GUARDED_BY(mutex_) = 0;  // part of clean_ that may turn firm any moment
  std::uint64_t small_ GUARDED_BY(mutex_) = 0;
  std::uint64_t remembered_ GUARDED_BY(mutex_) = 0;
  std::uint64_t leaving_ GUARDED_BY(mutex_) = 0;
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;  // bytes in the present age
  alignas(64) std::atomic<std::uint32_t> age_{1};
  std::array<std::deque<Waiter*>, kAllNeeds.size()> waiters_ GUARDED_BY(mutex_);

  std::optional<base::Errno> blocked_ GUARDED_BY(mutex_);
  std::uint64_t freeing_ GUARDED_BY(mutex_) = 0;
  std::uint64_t generation_ GUARDED_BY(mutex_) = 0;
  Clock::time_point progress_ GUARDED_BY(mutex_) = Clock::now();
  Clock::time_point written_ GUARDED_BY(mutex_) = Clock::now();  // the last write that succeeded
  base::Condition work_;                                         // idle spillers
  base::Condition changed_;                                      // pausing spillers
  unsigned idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace scratchfs::store
