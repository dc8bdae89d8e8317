#include "fs/tree/object_memory.h"

#include <algorithm>

namespace scratchfs::tree {

ObjectMemory::~ObjectMemory() {
  store_.remove_small(static_cast<std::uint64_t>(std::max<std::int64_t>(spare_, 0)));
}

bool ObjectMemory::take_spare(std::int64_t bytes) {
  std::int64_t spare = spare_.load(std::memory_order_relaxed);
  while (spare >= bytes) {
    if (spare_.compare_exchange_weak(spare, spare - bytes, std::memory_order_relaxed)) return true;
  }
  return false;
}

base::Result<void> ObjectMemory::take(std::uint64_t bytes) {
  const auto wanted = static_cast<std::int64_t>(bytes);
  if (take_spare(wanted)) return {};
  base::Lock lock(mutex_);
  if (take_spare(wanted)) return {};
  // If a whole batch does not fit, this request alone may.
  for (const std::int64_t more : {std::max(wanted, kBatch), wanted}) {
    if (!store_.add_objects(static_cast<std::uint64_t>(more))) continue;
    spare_.fetch_add(more - wanted, std::memory_order_relaxed);
    return {};
  }
  return base::Errno(ENOSPC);
}

void ObjectMemory::give(std::uint64_t bytes) {
  const auto back = static_cast<std::int64_t>(bytes);
  if (spare_.fetch_add(back, std::memory_order_relaxed) + back < 2 * kBatch) return;
  if (take_spare(kBatch)) store_.remove_small(static_cast<std::uint64_t>(kBatch));
}

}  // namespace scratchfs::tree
