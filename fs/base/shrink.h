// Shrinks containers that keep the memory of their largest size.
#pragma once

#include <cstddef>
#include <new>

namespace scratchfs::base {

// Call after an erase: frees most buckets of a hash table that is far smaller than it was. The
// amortized cost is no more than that of the erases. If memory for the smaller bucket array is
// lacking, the table keeps the one it has.
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
