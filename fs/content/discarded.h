// The blocks of a deleted file, to be freed step by step.
#pragma once

#include <cstdint>
#include <utility>

#include "fs/content/block_map.h"
#include "fs/content/content.h"

namespace scratchfs::content {

// Freeing takes about 10 ms per GiB. The destructor frees what is left. Move-only; for any thread.
class Discarded {
 public:
  explicit Discarded(BlockMap blocks) : blocks_(std::move(blocks)) {}

  std::uint64_t bytes() const { return blocks_.pages() * kPageSize; }
  // Frees at most kMostFreedAtOnce bytes. Returns the bytes freed; 0: nothing is left.
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
