// ObjectMemory: counts the memory of inodes and names in the mount's budget.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/store.h"

namespace scratchfs::tree {

// The memory of an inode of any type with its first name, and of each further name. Measured as
// growth of the daemon: docs/quotas.md.
inline constexpr std::uint64_t kInodeBytes = 1024;
inline constexpr std::uint64_t kNameBytes = 512;

// Takes memory from the budget in batches, so that threads rarely contend for the budget's mutex.
// Thread-safe; its mutex is taken before the store's.
class ObjectMemory {
 public:
  explicit ObjectMemory(store::Store& store) : store_(store) {}  // outlives it
  // Gives the spare bytes back. REQUIRES: all that was taken has been given back.
  ~ObjectMemory();
  ObjectMemory(const ObjectMemory&) = delete;
  ObjectMemory& operator=(const ObjectMemory&) = delete;

  // Takes bytes. ENOSPC if the budget has no room, as Store::add_objects().
  base::Result<void> take(std::uint64_t bytes) EXCLUDES(mutex_);
  void give(std::uint64_t bytes) EXCLUDES(mutex_);
  // The bytes that the next batch may take from the budget.
  std::uint64_t to_come() const {
    return static_cast<std::uint64_t>(
        std::clamp<std::int64_t>(kBatch - spare_.load(std::memory_order_relaxed), 0, kBatch));
  }
  static constexpr std::int64_t kBatch = 64 << 10;  // bytes taken from the budget at once

 private:
  bool take_spare(std::int64_t bytes);

  store::Store& store_;
  std::atomic<std::int64_t> spare_ = 0;  // counted in the budget, not taken by an object
  // Held while a batch is taken, so that only one thread takes one.
  base::Mutex mutex_{base::Rank::memory};
};

}  // namespace scratchfs::tree
