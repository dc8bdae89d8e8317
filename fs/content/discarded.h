// What was taken out of a content that has come to its end.
#pragma once

#include <cstdint>
#include <utility>

#include "fs/content/block_map.h"
#include "fs/content/content.h"

namespace scratchfs::content {

// Freeing its blocks takes some 10 ms for each GiB: what is left is freed when it ends. Move-only;
// any thread.
class Discarded {
 public:
  explicit Discarded(BlockMap blocks) : blocks_(std::move(blocks)) {}

  std::uint64_t bytes() const { return blocks_.pages() * kPageSize; }
  // Frees a part, at most kMostFreedAtOnce; how many bytes that were, 0 at the end.
  std::uint64_t free_some();

 private:
  BlockMap blocks_;
};

inline std::uint64_t Discarded::free_some() {
  const auto first = blocks_.next(0);
  if (!first) return 0;
  const std::uint64_t before = bytes();
  blocks_.cut(first->index, first->index + kMostFreedAtOnce / kBlockSize);
  return before - bytes();
}

}  // namespace scratchfs::content
