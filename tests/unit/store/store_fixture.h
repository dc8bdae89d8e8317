// A fixture: a store on a fake disk, used through its public interface, and blocks in which every
// page is different.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "fs/store/store.h"
#include "tests/fakes/fake_disk.h"
#include "tests/unit/base/soon.h"
#include "tests/units.h"

namespace scratchfs::store {

using base::Errno;

// Returns the contents of page `index` of block `number`, which differ from those of every other
// page.
inline std::array<std::uint64_t, kPageSize / 8> pattern(std::uint64_t number, unsigned index) {
  std::array<std::uint64_t, kPageSize / 8> words{};
  const std::uint64_t first = (number * 0x9e3779b97f4a7c15ULL + index) * 0xff51afd7ed558ccdULL;
  for (std::uint64_t i = 0; i < words.size(); ++i) words[i] = first ^ i;
  return words;
}
inline void fill(std::byte* page, std::uint64_t number, unsigned index) {
  std::memcpy(page, pattern(number, index).data(), kPageSize);
}
inline bool holds(const std::byte* page, std::uint64_t number, unsigned index) {
  return std::memcmp(page, pattern(number, index).data(), kPageSize) == 0;
}

class StoreTest : public testing::Test {
 protected:
  void open(const StoreOptions& options) {
    auto made = Store::create(options);
    ASSERT_TRUE(made);
    store = *std::move(made);
  }
  void open(std::uint64_t memory, std::uint64_t spill) {
    open({.memory = memory, .spill = spill, .spill_directory = &disk});
  }

  base::Result<Pin> pin(Block& block, Access access) {
    auto pinned = store->pin(block, access);
    if (!pinned.is(base::kWouldBlock)) return pinned;
    const Hold hold = store->hold(block);
    return store->fetch(hold, access);
  }

  // Makes a block with the pages in `mask`, filled with their pattern. Returns an errno if there
  // are no frames.
  base::Result<BlockPtr> make(std::uint64_t number, PageMask mask = 0xffff) {
    BlockPtr block = store->new_block();
    auto grant = store->take_frames(static_cast<unsigned>(std::popcount(mask)));
    if (!grant) return grant.error();
    auto pinned = store->pin(*block, Access::write);
    if (!pinned) return pinned.error();
    for (unsigned page = 0; page < kPagesPerBlock; ++page) {
      if ((mask >> page & 1) != 0) fill(pinned->add_page(page, *grant, true), number, page);
    }
    return block;
  }
  // Makes blocks of `bytes` in total; the number of each is its index.
  std::vector<BlockPtr> make_all(std::uint64_t bytes) {
    std::vector<BlockPtr> blocks;
    for (std::uint64_t i = 0; i < bytes / kBlockSize; ++i) blocks.push_back(*make(i));
    return blocks;
  }
  // Adds such blocks until one fails, and returns its errno; 0 once there are `most` bytes of them.
  int fill_up(std::vector<BlockPtr>& blocks, std::uint64_t most) {
    while (blocks.size() < most / kBlockSize) {
      auto block = make(blocks.size());
      if (!block) return block.error().value();
      blocks.push_back(*std::move(block));
    }
    return 0;
  }

  testing::AssertionResult intact(Block& block, std::uint64_t number, PageMask mask = 0xffff) {
    if (Store::pages(block) != mask)
      return testing::AssertionFailure() << "pages " << Store::pages(block);
    auto pinned = pin(block, Access::read);
    if (!pinned)
      return testing::AssertionFailure()
             << "block " << number << ": errno " << pinned.error().value();
    for (unsigned page = 0; page < kPagesPerBlock; ++page) {
      const std::byte* bytes = pinned->page(page);
      if ((bytes != nullptr) != ((mask >> page & 1) != 0))
        return testing::AssertionFailure() << "page " << page;
      if (bytes != nullptr && !holds(bytes, number, page))
        return testing::AssertionFailure() << "wrong bytes " << page;
    }
    return testing::AssertionSuccess();
  }
  testing::AssertionResult all_intact(const std::vector<BlockPtr>& blocks) {
    for (std::uint64_t i = 0; i < blocks.size(); ++i) {
      if (auto result = intact(*blocks[i], i); !result) return result;
    }
    return testing::AssertionSuccess();
  }

  bool in_memory(Block& block) { return static_cast<bool>(store->pin(block, Access::read)); }

  // Expects the store to become empty. A block that is being encrypted is freed only after that,
  // and a slot that is being written only after the write.
  void expect_empty() {
    EXPECT_TRUE(soon([&] { return store->stats().memory_used == 0; }))
        << store->stats().memory_used;
    EXPECT_TRUE(soon([&] { return store->stats().spilled == 0; })) << store->stats().spilled;
    EXPECT_TRUE(soon([&] { return disk.allocated_bytes() == 0; })) << disk.allocated_bytes();
  }

  fakes::FakeDisk disk;
  std::unique_ptr<Store> store;
};

}  // namespace scratchfs::store
