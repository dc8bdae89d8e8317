// A partition of the blocks: the mutex for their states, and a ring to find the cold ones in.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "fs/base/mutex.h"
#include "fs/store/block.h"
#include "fs/store/budget.h"

namespace scratchfs::store {

// When a ring's hand passed a block; monotonic.
using Moment = std::chrono::steady_clock::time_point;

// Use counting. A block of streamed data is pinned once, or many times within a moment; a hot block
// is pinned again and again. Therefore all pins within one age of the budget count as one use, the
// first use counts for nothing, and the more uses were counted, the longer a block stays without
// another one.
inline constexpr std::uint8_t kMostUses = 3;
// The ages that each use lasts: until twice the budget has been taken.
inline constexpr std::uint32_t kAgesPerUse = 2 * Budget::kAges;

inline void count_use(Resident& resident, std::uint32_t age) {
  if (resident.used_at == age) return;
  if (resident.used_at != 0 && resident.uses < kMostUses) ++resident.uses;
  resident.used_at = age;
}

// Called when the hand reaches a block. Returns true if it is cold. `hurried`: nothing colder is
// left, so each visit costs a use.
inline bool is_cold_after_visit(Resident& resident, std::uint32_t age, bool hurried) {
  if (resident.uses == 0) return true;
  if (!hurried && age - resident.used_at < kAgesPerUse) return false;
  --resident.uses;
  if (!hurried) resident.used_at = age;
  return false;
}

// The blocks in memory, for the clock algorithm: the hand starts at the oldest one.
class EvictionRing {
 public:
  std::size_t size() const { return size_; }
  // Returns when the block under the hand was added or last passed; Moment::max() if there is none.
  Moment oldest() const { return hand_ == nullptr ? Moment::max() : hand_->passed; }

  // Adds a block as the newest one: the hand reaches it last.
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

  // Returns the block under the hand and advances the hand. REQUIRES: size() > 0.
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
  base::Condition changed;  // a block of the shard has left `encrypting` or `fetching`
  EvictionRing ring GUARDED_BY(mutex);
  // The ring's oldest(), readable without the mutex, to find the shard whose turn it is. Taking
  // the shards in turn would not follow the age of blocks, because blocks made in sequence are in
  // one shard.
  std::atomic<Moment> oldest{Moment::max()};

  // Forward to the ring and keep `oldest` up to date.
  void add(Resident& resident, Moment now) REQUIRES(mutex) {
    ring.add(resident, now);
    note_oldest();
  }
  void remove(Resident& resident) REQUIRES(mutex) {
    ring.remove(resident);
    note_oldest();
  }
  Resident& next(Moment now) REQUIRES(mutex) {
    Resident& here = ring.next(now);
    note_oldest();
    return here;
  }

 private:
  void note_oldest() REQUIRES(mutex) { oldest.store(ring.oldest(), std::memory_order_relaxed); }
};

}  // namespace scratchfs::store
