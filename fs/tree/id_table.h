// IdTable: the objects that the kernel knows by number, sharded so that threads rarely contend.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/shrink.h"

namespace scratchfs::tree {

// Thread-safe; its mutexes are leaves. A number is never reused.
template <typename T>
class IdTable {
 public:
  explicit IdTable(std::uint64_t first) : next_(first) {}

  std::uint64_t new_id() { return next_.fetch_add(1, std::memory_order_relaxed); }

  std::shared_ptr<T> find(std::uint64_t id) const {
    const Shard& shard = shard_of(id);
    base::SharedLock lock(shard.mutex);
    const auto at = shard.entries.find(id);
    return at == shard.entries.end() ? nullptr : at->second.object;
  }

  // Adds `count` references to `object` under `id`; the first reference adds the object to the
  // table.
  void add(std::uint64_t id, const std::shared_ptr<T>& object, std::uint64_t count = 1) {
    Shard& shard = shard_of(id);
    base::Lock lock(shard.mutex);
    auto& entry = shard.entries[id];
    if (!entry.object) entry.object = object;
    entry.uses += count;
  }

  // Drops `count` references. Removes and returns the object if none is left, so that it is
  // destroyed outside the lock.
  std::shared_ptr<T> drop(std::uint64_t id, std::uint64_t count = 1) {
    Shard& shard = shard_of(id);
    base::Lock lock(shard.mutex);
    const auto at = shard.entries.find(id);
    if (at == shard.entries.end()) return nullptr;
    if (at->second.uses > count) {
      at->second.uses -= count;
      return nullptr;
    }
    std::shared_ptr<T> last = std::move(at->second.object);
    shard.entries.erase(at);
    base::shrink_buckets(shard.entries);
    return last;
  }

  std::vector<std::shared_ptr<T>> all() const {
    std::vector<std::shared_ptr<T>> result;
    for (const Shard& shard : shards_) {
      base::SharedLock lock(shard.mutex);
      for (const auto& [id, entry] : shard.entries) result.push_back(entry.object);
    }
    return result;
  }

  void clear() {
    for (Shard& shard : shards_) {
      std::unordered_map<std::uint64_t, Entry> ended;  // destroyed outside the lock
      base::Lock lock(shard.mutex);
      ended.swap(shard.entries);
      lock.unlock();
    }
  }

 private:
  static constexpr std::size_t kShards = 64;
  struct Entry {
    std::shared_ptr<T> object;
    std::uint64_t uses = 0;
  };
  struct alignas(64) Shard {
    mutable base::SharedMutex mutex;
    std::unordered_map<std::uint64_t, Entry> entries GUARDED_BY(mutex);
  };
  Shard& shard_of(std::uint64_t id) { return shards_[id % kShards]; }
  const Shard& shard_of(std::uint64_t id) const { return shards_[id % kShards]; }

  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> next_;
};

}  // namespace scratchfs::tree
