// How many requests of each kind there were and how long they took, counted without a cache line
// that two cores would fight for.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "fs/kernel/metrics/latency.h"
#include "fs/kernel/metrics/opcode.h"

namespace scratchfs::kernel {

using RequestTotals = std::array<Latencies, kOpcodeNames.size()>;  // by Opcode

// All functions may be called from any thread.
class Counters {
 public:
  Counters() = default;
  ~Counters();
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  // A request's answer is ready, so long after it had come. Not counted where a thread's first
  // finds no memory.
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
  std::uint64_t total(Opcode opcode) const;

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
  static std::size_t number_of_this_thread();
  Shard* shard_of_this_thread() {
    std::atomic<Shard*>& place = shards_[number_of_this_thread()];
    Shard* const shard = place.load(std::memory_order_acquire);
    return shard != nullptr ? shard : make(place);
  }
  static Shard* make(std::atomic<Shard*>& place);  // nullptr: no memory

  std::array<std::atomic<Shard*>, kShards> shards_{};  // 34 KB each, made when first used
};

}  // namespace scratchfs::kernel
