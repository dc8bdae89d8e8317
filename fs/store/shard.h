// A part of the blocks: their states' mutex, and the clock that finds the cold ones among them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "fs/base/mutex.h"
#include "fs/store/block.h"
#include "fs/store/budget.h"

namespace scratchfs::store {

// When the hand of a clock came by; grows.
using Moment = std::chrono::steady_clock::time_point;

// A block that streams past is pinned when it comes and not again, or many times within a moment; a
// hot one again and again. So the pins of one age of the budget are one use, the first one counts
// for nothing, and the more uses were counted, the longer a block stays without another.
inline constexpr std::uint8_t kMostUses = 3;
// Ages that each of them lasts: as long as twice the budget is taken.
inline constexpr std::uint32_t kAgesPerUse = 2 * Budget::kAges;

inline void count_use(Resident& resident, std::uint32_t age) {
  if (resident.used_at == age) return;
  if (resident.used_at != 0 && resident.uses < kMostUses) ++resident.uses;
  resident.used_at = age;
}

// What the hand finds: true, if the block is cold. `hurried`: nothing colder is left, so each look
// costs a use.
inline bool look_at(Resident& resident, std::uint32_t age, bool hurried) {
  if (resident.uses == 0) return true;
  if (!hurried && age - resident.used_at < kAgesPerUse) return false;
  --resident.uses;
  if (!hurried) resident.used_at = age;
  return false;
}

// The blocks in memory in a ring; the hand goes from the oldest on.
class Clock {
 public:
  std::size_t size() const { return size_; }
  // When the block under the hand was added or passed; the far future where there is none.
  Moment oldest() const { return hand_ == nullptr ? Moment::max() : hand_->passed; }

  // As the newest: the hand comes to it last.
  void add(Resident& resident, Moment now) {
    resident.passed = now;
    if (hand_ == nullptr) {
      resident.newer = resident.older = hand_ = &resident;
    } else {
      resident.newer = hand_;
      resident.older = hand_->older;
      resident.older->newer = resident.newer->older = &resident;
    }
    ++size_;
  }

  void remove(Resident& resident) {
    if (hand_ == &resident) hand_ = size_ == 1 ? nullptr : resident.newer;
    resident.older->newer = resident.newer;
    resident.newer->older = resident.older;
    --size_;
  }

  // The block under the hand, which moves on. Precondition: size() is not 0.
  Resident& next(Moment now) {
    Resident& here = *hand_;
    here.passed = now;
    hand_ = here.newer;
    return here;
  }

 private:
  Resident* hand_ = nullptr;
  std::size_t size_ = 0;
};

struct alignas(64) Shard {
  base::Mutex mutex{base::Rank::shard};
  base::Condition changed;  // a block of the shard is no longer encrypting, or fetching
  Clock clock GUARDED_BY(mutex);
  // The clock's, read without the mutex to find the shard whose turn it is: blocks made one after
  // the other are in one shard, so taking the shards in turn would not go by age.
  std::atomic<Moment> oldest{Moment::max()};

  // As the clock's; they keep `oldest` up to date.
  void add(Resident& resident, Moment now) REQUIRES(mutex) {
    clock.add(resident, now);
    note_oldest();
  }
  void remove(Resident& resident) REQUIRES(mutex) {
    clock.remove(resident);
    note_oldest();
  }
  Resident& next(Moment now) REQUIRES(mutex) {
    Resident& here = clock.next(now);
    note_oldest();
    return here;
  }

 private:
  void note_oldest() REQUIRES(mutex) { oldest.store(clock.oldest(), std::memory_order_relaxed); }
};

}  // namespace scratchfs::store
