#include "fs/kernel/counters.h"

namespace scratchfs::kernel {

std::size_t Counters::shard_of_this_thread() {
  static std::atomic<std::size_t> next = 0;
  thread_local const std::size_t shard = next.fetch_add(1, std::memory_order_relaxed) % kShards;
  return shard;
}

std::uint64_t Counters::total(Opcode opcode) const {
  std::uint64_t total = 0;
  for (const Shard& shard : shards_) {
    total += shard.counts[static_cast<std::size_t>(opcode)].load(std::memory_order_relaxed);
  }
  return total;
}

}  // namespace scratchfs::kernel
