// Request counts and latencies by opcode, sharded so that cores do not contend for a cache line.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "fs/base/background.h"
#include "fs/kernel/metrics/latency.h"
#include "fs/kernel/metrics/opcode.h"

namespace scratchfs::kernel {

using RequestTotals = std::array<Latencies, kOpcodeNames.size()>;  // by Opcode

// Thread-safe.
class Counters {
 public:
  ~Counters();

  // Records that a request was answered `took` after it arrived. Drops the record if the shard of
  // this thread does not exist yet and cannot be allocated.
  void note(Opcode opcode, std::chrono::nanoseconds took) noexcept {
    Shard* const shard = shard_of_this_thread();
    if (shard == nullptr) return;
    Kind& kind = shard->kinds[static_cast<std::size_t>(opcode)];
    const auto nanoseconds = static_cast<std::uint64_t>(took.count());
    kind.nanoseconds.fetch_add(nanoseconds, std::memory_order_relaxed);
    kind.buckets[latency_bucket(nanoseconds)].fetch_add(1, std::memory_order_relaxed);
  }
  // Requests answered since the start.
  RequestTotals totals() const;

 private:
  static constexpr std::size_t kShards = 16;
  using Count = std::atomic<std::uint64_t>;
  struct Kind {
    Count nanoseconds{0};
    std::array<Count, kLatencyBuckets> buckets{};
  };
  struct alignas(64) Shard {
    std::array<Kind, kOpcodeNames.size()> kinds{};
  };
  Shard* shard_of_this_thread() {
    std::atomic<Shard*>& place = shards_[base::number_of_this_thread() % kShards];
    Shard* const shard = place.load(std::memory_order_acquire);
    return shard != nullptr ? shard : make(place);
  }
  static Shard* make(std::atomic<Shard*>& place);  // returns nullptr if there is no memory

  std::array<std::atomic<Shard*>, kShards> shards_{};  // 34 KB each, allocated on first use
};

}  // namespace scratchfs::kernel
