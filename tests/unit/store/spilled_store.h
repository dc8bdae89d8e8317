// A fixture: a store with most of its blocks on a disk that can be made slow.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/unit/store/store_fixture.h"

namespace scratchfs::store {

// A store with kMemory bytes of memory and blocks of four times that, the first of which are
// spilled.
class SpilledStore : public StoreTest {
 protected:
  static constexpr std::uint64_t kMemory = 16 * kMiB;
  static constexpr std::size_t kBlocks = 4 * kMemory / kBlockSize;

  SpilledStore() {
    open(kMemory, 256 * kMiB);
    blocks = make_all(kBlocks * kBlockSize);
    for (const BlockPtr& block : blocks) all.push_back(block.get());
  }
  std::size_t in_memory_of(std::size_t first, std::size_t count) {
    std::size_t found = 0;
    for (std::size_t i = first; i < first + count; ++i) found += in_memory(*all[i]) ? 1U : 0U;
    return found;
  }

  std::vector<BlockPtr> blocks;
  std::vector<Block*> all;
};

}  // namespace scratchfs::store
