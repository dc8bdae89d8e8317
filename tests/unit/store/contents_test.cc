// What is written is read back unchanged, however often it is spilled and fetched in between.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/unit/store/store_fixture.h"

namespace scratchfs::store {
namespace {

using StoreContents = StoreTest;

TEST_F(StoreContents, GivesBackWhatWasWritten) {
  open(kMinBudget, 64 * kMiB);
  auto block = make(7, 0b1010'0000'0000'0101);
  ASSERT_TRUE(block);
  EXPECT_TRUE(intact(**block, 7, 0b1010'0000'0000'0101));
  EXPECT_EQ(store->stats().memory_used, 4 * kPageSize);
  block->reset();
  expect_empty();
}

TEST_F(StoreContents, ZeroesANewPageUnlessItWillBeFilled) {
  open(kMinBudget, 0);
  for (int round = 0; round < 3; ++round) {
    auto block = make(1, 1);
    ASSERT_TRUE(block);
    block->reset();
    BlockPtr fresh = store->new_block();
    auto grant = store->take_frames(1);
    auto pinned = store->pin(*fresh, Access::write);
    const std::byte* page = pinned->add_page(3, *grant, false);
    EXPECT_TRUE(std::all_of(page, page + kPageSize, [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST_F(StoreContents, CountsWhatAGrantHoldsUntilItEnds) {
  open(kMinBudget, 0);
  {
    auto grant = store->try_take_frames(5);
    ASSERT_TRUE(grant);
    EXPECT_EQ(store->stats().memory_used, 5 * kPageSize);
    FrameGrant moved = *std::move(grant);
    EXPECT_EQ(moved.size(), 5U);
  }
  EXPECT_EQ(store->stats().memory_used, 0U);
}

TEST_F(StoreContents, FreesTheFramesOfDroppedPagesAtOnce) {
  open(kMinBudget, 0);
  auto block = make(1);
  {
    auto pinned = store->pin(**block, Access::write);
    pinned->drop_pages(0x00f0);
    EXPECT_EQ(pinned->page(4), nullptr);
    EXPECT_TRUE(holds(pinned->page(8), 1, 8));
  }
  EXPECT_EQ(store->stats().memory_used, 12 * kPageSize);
  EXPECT_EQ(Store::pages(**block), 0xff0f);
}

TEST_F(StoreContents, KeepsADroppedBlockForWhoeverHasItPinned) {
  open(kMinBudget, 256 * kMiB);
  auto block = make(3);
  auto pinned = store->pin(**block, Access::read);
  block->reset();
  EXPECT_EQ(store->stats().memory_used, kBlockSize);
  EXPECT_TRUE(holds(pinned->page(15), 3, 15));
  *pinned = Pin();
  expect_empty();
}

TEST_F(StoreContents, CarriesFourTimesItsBudgetWithinIt) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 4 * kMinBudget / kBlockSize; ++i) {
    auto block = make(i);
    ASSERT_TRUE(block) << i;
    blocks.push_back(*std::move(block));
    ASSERT_LE(store->stats().memory_used, kMinBudget);
  }
  EXPECT_GT(store->stats().spilled, 2 * kMinBudget);
  for (int round = 0; round < 2; ++round) ASSERT_TRUE(all_intact(blocks));
  EXPECT_GT(store->stats().blocks_fetched, 0U);
  EXPECT_LE(store->stats().memory_used, kMinBudget);
  blocks.clear();
  expect_empty();
}

TEST_F(StoreContents, PacksTheMasksOfSparseBlocks) {
  open(kMinBudget, 256 * kMiB);
  std::vector<std::pair<BlockPtr, PageMask>> blocks;
  std::uint64_t pages = 0;
  for (std::uint64_t i = 0; pages < 4 * kMinBudget / kPageSize; ++i) {
    const auto mask = static_cast<PageMask>(i * 2654435761U % 65535 + 1);
    auto block = make(i, mask);
    ASSERT_TRUE(block);
    blocks.emplace_back(*std::move(block), mask);
    pages += static_cast<std::uint64_t>(std::popcount(mask));
  }
  for (std::uint64_t i = 0; i < blocks.size(); ++i)
    ASSERT_TRUE(intact(*blocks[i].first, i, blocks[i].second));
  blocks.clear();
  expect_empty();
}

TEST_F(StoreContents, ChangesASpilledBlockAndKeepsTheChange) {
  open(kMinBudget, 256 * kMiB);
  auto blocks = make_all(2 * kMinBudget);
  for (std::uint64_t i = 0; i < blocks.size(); ++i) {
    auto pinned = pin(*blocks[i], Access::write);
    ASSERT_TRUE(pinned);
    for (unsigned page = 0; page < kPagesPerBlock; ++page)
      fill(pinned->writable_page(page), i + 1000, page);
  }
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i + 1000));
  blocks.clear();
  expect_empty();
}

TEST_F(StoreContents, NeverWritesPlaintextToTheDisk) {
  open(kMinBudget, 256 * kMiB);
  constexpr char kSecret[] = "nobody may find these words";
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 2 * kMinBudget / kBlockSize; ++i) {
    blocks.push_back(*make(i));
    auto pinned = pin(*blocks.back(), Access::write);
    for (unsigned page = 0; page < kPagesPerBlock; ++page)
      std::memcpy(pinned->writable_page(page) + 100, kSecret, sizeof kSecret);
  }
  std::size_t pages = 0;
  disk.for_each_page([&](std::span<const std::byte> page) {
    ++pages;
    EXPECT_EQ(memmem(page.data(), page.size(), kSecret, sizeof kSecret), nullptr);
  });
  EXPECT_GT(pages, 0U);
}

}  // namespace
}  // namespace scratchfs::store
