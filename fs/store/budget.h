// The memory budget of contents: accounting, reservations and the threads that wait for them.
//
// Counted memory is either *clean* (frames of a block whose slot has the same bytes: eviction is
// free) or *firm* (everything else: only a write to the disk or its owner can free it). Four marks
// bound it:
//
//   target     The spiller works in the background while used memory is above it.
//   trigger    New data never raises firm memory above it: takers wait, or fail if the disk
//              does not help.
//   overwrite  Overwriting spilled data, which frees its slot, never raises firm memory
//              above it.
//   budget     Used memory never exceeds it, except while the budget shrinks and for what
//              add_objects() counts. The part above `overwrite` is for reading spilled data
//              back, so that all accepted data stays readable with a full or broken disk.
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
// Without a spill file nothing is ever fetched, so no memory is set apart for that.
Marks marks_of(std::uint64_t budget, bool can_spill);

// The purpose of a reservation, most urgent first.
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

  // The side of takers, the threads that need memory. Reserves `bytes` of frames. A reservation for
  // `dirty` is a promise, which settle_dirty() settles. kWouldBlock: not now. ENOSPC, EIO: not
  // until something is deleted or the disk recovers.
  base::Result<void> try_reserve(Need need, std::uint64_t bytes) EXCLUDES(mutex_);
  // The same, but waits (in FIFO order for each need) instead of returning kWouldBlock; when `wait`
  // ends, returns its error. Every successful write to the disk counts as progress for all waiters;
  // for a fetch, every eviction does, too.
  base::Result<void> reserve(Need need, std::uint64_t bytes, base::Wait wait) EXCLUDES(mutex_);
  // Settles a promise. `kept`: the clean block of these bytes is firm now; else the promise is
  // withdrawn.
  void settle_dirty(std::uint64_t bytes, bool kept) EXCLUDES(mutex_);
  // Call when frames are free again: `firm` and `clean` bytes of them.
  void release(std::uint64_t firm, std::uint64_t clean) EXCLUDES(mutex_);
  // Call when firm bytes have been copied to a slot.
  void made_clean(std::uint64_t bytes) EXCLUDES(mutex_);
  // Call when a block is spilled: its frames are free, and `remembered` bytes stay for it.
  void spilled(std::uint64_t firm, std::uint64_t clean, std::uint64_t remembered) EXCLUDES(mutex_);
  // Call when the remembered bytes of a spilled block are no longer needed.
  void forget(std::uint64_t remembered) EXCLUDES(mutex_);
  // Counts small contents and bookkeeping on the heap. ENOSPC: firm memory would exceed the
  // overwrite mark or used memory the budget, or too little would be left for frames.
  base::Result<void> add_small(std::uint64_t bytes) EXCLUDES(mutex_);
  // Counts objects that are not content and cannot wait, such as inodes. Where the disk helps,
  // contents are evicted to make room, and used memory may exceed the budget meanwhile. ENOSPC: too
  // little would be left for frames; or the disk does not help and the budget is used up.
  // remove_small() undoes it.
  base::Result<void> add_objects(std::uint64_t bytes) EXCLUDES(mutex_);
  void remove_small(std::uint64_t bytes) EXCLUDES(mutex_);

  // The spiller's side. Waits until there is something to evict and returns the bytes: the excess
  // over the target, or what the waiters need, less what is being written already. Returns nullopt
  // after stop().
  std::optional<std::uint64_t> wait_for_work() EXCLUDES(mutex_);
  // Announces that `bytes` may be leaving. Call it before reserving a slot for them: other spiller
  // threads then do not evict for the same need, nor take the reserved slot for a full disk.
  void leaving(std::uint64_t bytes) EXCLUDES(mutex_);
  // Withdraws the announcement, because no slot was available.
  void stays(std::uint64_t bytes) EXCLUDES(mutex_);
  // The announced bytes have left, or stay after all. `progress`: something was freed. `written`:
  // the disk works; has the effect of unblock().
  void left(std::uint64_t bytes, bool progress, bool written) EXCLUDES(mutex_);
  // Counts what is remembered of a block that never had frames. Returns false if there is no room
  // for it or too little would be left for frames.
  bool remember(std::uint64_t bytes) EXCLUDES(mutex_);
  // Returns whether remembering one more spilled block would leave enough for frames.
  bool may_remember(std::uint64_t bytes) EXCLUDES(mutex_);

  // Records that the disk does not help (ENOSPC, EIO): takers that do not fit fail with `error`
  // until unblock(). Does nothing if unblock() was called after `generation` was read.
  void block(base::Errno error, std::uint64_t generation) EXCLUDES(mutex_);
  // The same for a spill limit that is reached. Also does nothing while blocks are being written.
  void block_full(std::uint64_t generation) EXCLUDES(mutex_);
  void unblock() EXCLUDES(mutex_);
  // Announces that `bytes`, in memory or on disk, are being freed. Until freed(), takers wait where
  // they would fail.
  void freeing(std::uint64_t bytes) EXCLUDES(mutex_);
  void freed(std::uint64_t bytes) EXCLUDES(mutex_);
  std::uint64_t generation() EXCLUDES(mutex_);
  // Call after a search that evicted nothing: waits until something changes, for at most `pause`,
  // or less if there are waiters. Fails waiters that have waited too long without any progress.
  void pause(std::chrono::milliseconds pause) EXCLUDES(mutex_);
  void stop() EXCLUDES(mutex_);

  // The budget's logical clock. It starts at 1 and advances by kAges while one budget's worth of
  // memory is taken or fetched. Uses of a block within one age count as one.
  static constexpr std::uint32_t kAges = 16;
  std::uint32_t age() const { return age_.load(std::memory_order_relaxed); }

  struct Counts {
    std::uint64_t used, firm, clean, small, remembered, freeing;  // bytes
    std::uint64_t most_remembered;  // upper bound of small and remembered together
  };
  Counts counts() const EXCLUDES(mutex_);
  Marks marks() const EXCLUDES(mutex_);

  // Changes the budget, without failing readers or writers. If used memory exceeds the new budget,
  // the spiller reduces it while writers wait as above the trigger. EBUSY (when shrinking): small
  // contents and what is remembered of spilled blocks would exceed half of it, or more than
  // `spill_room` bytes of firm memory are above the new target.
  base::Result<void> resize(std::uint64_t budget, std::uint64_t spill_room) EXCLUDES(mutex_);
  // Lowers the target by `eighths` of the budget, but not below one eighth; 0 restores it.
  static constexpr unsigned kMostRelief = 6;
  void relieve(unsigned eighths) EXCLUDES(mutex_);
  // Returns the current target of the spiller.
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
  void grant_waiters() REQUIRES(mutex_);
  void wake_spiller() REQUIRES(mutex_);
  // Returns the error that takers fail with; nullopt: they wait.
  std::optional<base::Errno> hopeless() const REQUIRES(mutex_);
  void fail_takers() REQUIRES(mutex_);
  void allow_takers() REQUIRES(mutex_);
  void fail_waiters(Need need, base::Errno error, Clock::time_point before) REQUIRES(mutex_);

  std::uint64_t current_target() const REQUIRES(mutex_);
  std::uint64_t most_used() const REQUIRES(mutex_);
  // Upper bound of small contents and remembered blocks together, in bytes.
  std::uint64_t most_remembered() const REQUIRES(mutex_);
  // Counts `bytes` as small if `has_room` and enough is left for frames; else ENOSPC.
  base::Result<void> count_small(std::uint64_t bytes, bool has_room) REQUIRES(mutex_);

  const bool can_spill_;
  mutable base::Mutex mutex_;
  Marks marks_ GUARDED_BY(mutex_);
  unsigned relief_ GUARDED_BY(mutex_) = 0;  // eighths of the budget
  std::uint64_t used_ GUARDED_BY(mutex_) = 0;
  std::uint64_t clean_ GUARDED_BY(mutex_) = 0;
  // Part of clean_ that may become firm at any moment.
  std::uint64_t promised_ GUARDED_BY(mutex_) = 0;
  std::uint64_t small_ GUARDED_BY(mutex_) = 0;
  std::uint64_t remembered_ GUARDED_BY(mutex_) = 0;
  std::uint64_t leaving_ GUARDED_BY(mutex_) = 0;
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;  // bytes in the current age
  alignas(64) std::atomic<std::uint32_t> age_{1};
  std::array<std::deque<Waiter*>, kAllNeeds.size()> waiters_ GUARDED_BY(mutex_);

  std::optional<base::Errno> blocked_ GUARDED_BY(mutex_);
  std::uint64_t freeing_ GUARDED_BY(mutex_) = 0;
  std::uint64_t generation_ GUARDED_BY(mutex_) = 0;
  Clock::time_point progress_ GUARDED_BY(mutex_) = Clock::now();
  // Time of the last successful write.
  Clock::time_point written_ GUARDED_BY(mutex_) = Clock::now();
  base::Condition work_;     // for idle spillers
  base::Condition changed_;  // for pausing spillers
  unsigned idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace scratchfs::store
