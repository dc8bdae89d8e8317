// What inodes and names take of the mount's memory, counted in its budget.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/store.h"

namespace scratchfs::tree {

// Of an inode with its first name, whatever kind it is, and of each further name. Measured as the
// growth of the daemon: docs/quotas.md.
inline constexpr std::uint64_t kInodeBytes = 1024;
inline constexpr std::uint64_t kNameBytes = 512;

// Takes the bytes from the budget many at a time, so that creations on two cores seldom meet at its
// one mutex. Thread-safe; its own is above the store's.
class ObjectMemory {
 public:
  explicit ObjectMemory(store::Store& store) : store_(store) {}  // outlives it
  ~ObjectMemory();  // gives back what is spare; all that was taken has been given back
  ObjectMemory(const ObjectMemory&) = delete;
  ObjectMemory& operator=(const ObjectMemory&) = delete;

  // ENOSPC: the budget has no room for it, as Store::add_objects.
  base::Result<void> take(std::uint64_t bytes) EXCLUDES(mutex_);
  void give(std::uint64_t bytes) EXCLUDES(mutex_);
  // Bytes that the budget does not count, and that the next objects may take of it at once.
  std::uint64_t to_come() const {
    return static_cast<std::uint64_t>(
        std::clamp<std::int64_t>(kBatch - spare_.load(std::memory_order_relaxed), 0, kBatch));
  }
  static constexpr std::int64_t kBatch = 64 << 10;  // bytes that are taken of the budget at once

 private:
  bool take_spare(std::int64_t bytes);

  store::Store& store_;
  std::atomic<std::int64_t> spare_ = 0;    // counted in the budget and not taken
  base::Mutex mutex_{base::Rank::memory};  // held by who fetches more, so that one does
};

}  // namespace scratchfs::tree
