// Giving memory back of containers that keep what they needed at their largest.
#pragma once

#include <cstddef>
#include <new>

namespace scratchfs::base {

// After an erase: gives most of a hash table's buckets back where it is far smaller than it was.
// Costs no more in all than the erases. Where there is no memory for fewer buckets, it keeps those
// that it has.
template <typename Table>
void shrink_buckets(Table& table) {
  constexpr std::size_t kFew = 1024;
  constexpr std::size_t kMuchLess = 8;
  if (table.bucket_count() <= kFew || table.size() > table.bucket_count() / kMuchLess) return;
  try {
    table.rehash(2 * table.size());
  } catch (const std::bad_alloc&) {
    return;
  }
}

}  // namespace scratchfs::base
