#include "fs/kernel/metrics/counters.h"

#include <memory>
#include <new>

namespace scratchfs::kernel {

Counters::~Counters() {
  for (const auto& place : shards_) delete place.load(std::memory_order_relaxed);
}

Counters::Shard* Counters::make(std::atomic<Shard*>& place) {
  std::unique_ptr<Shard> made(new (std::nothrow) Shard);
  Shard* existing = nullptr;
  // Another thread of the same shard may have been first.
  if (!place.compare_exchange_strong(existing, made.get(), std::memory_order_acq_rel)) {
    return existing;
  }
  return made.release();
}

RequestTotals Counters::totals() const {
  RequestTotals totals{};
  for (const auto& place : shards_) {
    const Shard* const shard = place.load(std::memory_order_acquire);
    if (shard == nullptr) continue;
    for (std::size_t i = 0; i < totals.size(); ++i) {
      totals[i].nanoseconds += shard->kinds[i].nanoseconds.load(std::memory_order_relaxed);
      for (std::size_t j = 0; j < kLatencyBuckets; ++j) {
        totals[i].buckets[j] += shard->kinds[i].buckets[j].load(std::memory_order_relaxed);
      }
    }
  }
  return totals;
}

}  // namespace scratchfs::kernel
