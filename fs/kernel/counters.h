// How many requests of each kind there were, counted without a cache line that two cores would
// fight for.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "fs/kernel/opcode.h"

namespace scratchfs::kernel {

// All functions may be called from any thread.
class Counters {
 public:
  void count(Opcode opcode) {
    shards_[shard_of_this_thread()].counts[static_cast<std::size_t>(opcode)].fetch_add(
        1, std::memory_order_relaxed);
  }
  std::uint64_t total(Opcode opcode) const;

 private:
  static constexpr std::size_t kShards = 16;
  struct alignas(64) Shard {
    std::array<std::atomic<std::uint64_t>, kOpcodeNames.size()> counts{};
  };
  static std::size_t shard_of_this_thread();

  std::array<Shard, kShards> shards_;
};

}  // namespace scratchfs::kernel
