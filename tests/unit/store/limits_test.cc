// The store's memory budget and spill limit, and what changes them.
#include <gtest/gtest.h>

#include <vector>

#include "tests/fakes/fake_pressure.h"
#include "tests/unit/store/store_fixture.h"

namespace scratchfs::store {
namespace {

using StoreLimits = StoreTest;

TEST_F(StoreLimits, RefusesABudgetBelowTheSmallest) {
  EXPECT_TRUE(Store::create({.memory = kMinBudget - 1, .spill = 0}).is(Errno{EINVAL}));
}

TEST_F(StoreLimits, RefusesABudgetThatWhatIsThereDoesNotFitIn) {
  open(2 * kMinBudget, 0);
  auto blocks = make_all(kMinBudget + kBlockSize);
  EXPECT_TRUE(store->set_memory(kMinBudget).is(Errno{EBUSY}));
  EXPECT_EQ(store->stats().budget, 2 * kMinBudget);
  blocks.pop_back();
  EXPECT_TRUE(store->set_memory(kMinBudget));
  EXPECT_TRUE(store->try_take_frames(1).is(Errno{ENOSPC}));
}

TEST_F(StoreLimits, GrowsAndShrinksWithAllThatItHolds) {
  open({.memory = kMinBudget,
        .spill = 256 * kMiB,
        .most_memory = 4 * kMinBudget,
        .spill_directory = &disk});
  EXPECT_TRUE(store->set_memory(kMinBudget - 1).is(Errno{EINVAL}));
  EXPECT_TRUE(store->set_memory(4 * kMinBudget + kPageSize).is(Errno{ENOMEM}));
  ASSERT_TRUE(store->set_memory(4 * kMinBudget));
  auto blocks = make_all(3 * kMinBudget);
  EXPECT_EQ(store->stats().spilled, 0U) << "there is room for all of it";
  ASSERT_TRUE(store->set_memory(kMinBudget));
  EXPECT_EQ(store->stats().budget, kMinBudget);
  for (std::uint64_t i = 0; i < kMinBudget / kBlockSize; ++i) {
    auto block = make(blocks.size());
    ASSERT_TRUE(block) << "a writer waits, and does not fail";
    blocks.push_back(*std::move(block));
    ASSERT_TRUE(intact(*blocks[i], i)) << "what is there can be read meanwhile";
  }
  EXPECT_TRUE(soon([&] { return store->stats().memory_used <= kMinBudget; }));
  ASSERT_TRUE(all_intact(blocks));
  blocks.clear();
  expect_empty();
}

TEST_F(StoreLimits, SpillsEarlierWhileTheMachineIsShortOfMemory) {
  fakes::FakePressure pressure;
  open({.memory = 4 * kMinBudget,
        .spill = 256 * kMiB,
        .spill_directory = &disk,
        .pressure = &pressure});
  auto blocks = make_all(3 * kMinBudget);
  const StoreStats before = store->stats();
  EXPECT_EQ(before.spilled, 0U);
  EXPECT_FALSE(before.under_pressure);
  for (int i = 0; i < 4; ++i) pressure.tell(true);
  EXPECT_TRUE(soon([&] { return store->stats().target == before.target - 2 * kMinBudget; }));
  EXPECT_TRUE(store->stats().under_pressure);
  EXPECT_TRUE(soon([&] { return store->stats().memory_used <= before.target - 2 * kMinBudget; }));
  EXPECT_TRUE(soon([&] { return store->stats().reserve == 0; })) << store->stats().reserve;
  ASSERT_TRUE(all_intact(blocks));
  for (int i = 0; i < 4; ++i) pressure.tell(false);
  EXPECT_TRUE(soon([&] { return store->stats().target == before.target; }));
  EXPECT_TRUE(soon([&] { return !store->stats().under_pressure; }));
  blocks.clear();
  expect_empty();
  store.reset();  // before `pressure`, which it uses
}

TEST_F(StoreLimits, RemembersAtMostOneKibPerMibSpilled) {
  open(kMinBudget, 256 * kMiB);
  auto blocks = make_all(8 * kMinBudget);
  // What is not spilled is in frames; the other memory in use is the metadata of spilled blocks.
  const auto remembered_is_little = [&] {
    const StoreStats stats = store->stats();
    std::uint64_t resident = 0;
    for (const BlockPtr& block : blocks) resident += in_memory(*block) ? kBlockSize : 0;
    return stats.memory_used > resident && stats.memory_used <= resident + stats.spilled / 1024;
  };
  // The spiller may change the numbers while they are collected.
  EXPECT_TRUE(soon(remembered_is_little));
}

TEST_F(StoreLimits, CountsSmallContentsInTheBudget) {
  open(kMinBudget, 0);
  ASSERT_TRUE(store->add_small(1000));
  EXPECT_EQ(store->stats().memory_used, 1000U);
  EXPECT_TRUE(store->add_small(kMinBudget).is(Errno{ENOSPC}));
  store->remove_small(1000);
  EXPECT_EQ(store->stats().memory_used, 0U);
}

TEST_F(StoreLimits, SpillsToMakeRoomForSmallContents) {
  open(kMinBudget, 256 * kMiB);
  auto blocks = make_all(2 * kMinBudget);
  std::uint64_t small = 0;
  EXPECT_TRUE(soon([&] {
    while (small < 4 * kMiB && store->add_small(4096)) small += 4096;
    return small == 4 * kMiB;
  }));
  EXPECT_LE(store->stats().memory_used, kMinBudget);
  ASSERT_TRUE(all_intact(blocks));
  store->remove_small(small);
  blocks.clear();
  expect_empty();
}

TEST_F(StoreLimits, AnswersEnospcWhenMemoryIsFullAndNothingMaySpill) {
  open(kMinBudget, 0);
  auto blocks = make_all(kMinBudget);
  EXPECT_TRUE(store->try_take_frames(1).is(Errno{ENOSPC}));
  EXPECT_TRUE(store->take_frames(1).is(Errno{ENOSPC}));
  EXPECT_EQ(store->free_bytes(), 0U);
  blocks.pop_back();
  EXPECT_TRUE(store->try_take_frames(16));
}

TEST_F(StoreLimits, TellsTheSameRoomBeforeAndAfterMemoryForOtherThingsIsTaken) {
  constexpr std::uint64_t kOthers = 64 << 10;
  open(kMinBudget, 1024 * 1024 * kMiB);  // what is remembered of spilled blocks is the limit
  const std::uint64_t before = store->free_bytes({.fixed = kOthers, .per_block = 16});
  ASSERT_TRUE(store->add_small(kOthers));
  EXPECT_EQ(store->free_bytes({.fixed = 0, .per_block = 16}), before);
  EXPECT_LT(store->free_bytes({.fixed = 0, .per_block = 32}), before);
  store->remove_small(kOthers);
}

TEST_F(StoreLimits, StopsAtTheSpillLimitAndGoesOnWhenSomethingIsDeleted) {
  open(kMinBudget, 2 * kMinBudget);
  std::vector<BlockPtr> blocks;
  EXPECT_EQ(fill_up(blocks, 3 * kMinBudget + kBlockSize), ENOSPC);
  EXPECT_GT(blocks.size(), 5 * kMinBudget / kBlockSize / 2);
  EXPECT_LE(store->stats().spilled, 2 * kMinBudget);
  ASSERT_TRUE(all_intact(blocks));
  // Blocks that were accepted can be overwritten even though the store is full.
  for (std::uint64_t i = 0; i < blocks.size(); ++i) {
    auto pinned = pin(*blocks[i], Access::write);
    ASSERT_TRUE(pinned) << i << " errno " << pinned.error().value();
    fill(pinned->writable_page(0), i, 0);
  }
  ASSERT_TRUE(all_intact(blocks));
  blocks.resize(blocks.size() - 4);
  EXPECT_TRUE(make(0));
  blocks.clear();
  expect_empty();
}

TEST_F(StoreLimits, ChangesTheSpillLimit) {
  open(kMinBudget, kMiB);
  std::vector<BlockPtr> blocks;
  EXPECT_EQ(fill_up(blocks, 2 * kMinBudget), ENOSPC);
  ASSERT_TRUE(store->set_spill(64 * kMiB));
  EXPECT_EQ(fill_up(blocks, (blocks.size() + 64) * kBlockSize), 0);
  ASSERT_TRUE(store->set_spill(0));
  EXPECT_LT(store->free_bytes(), kMinBudget) << "what is spilled beyond a limit is no room";
  ASSERT_TRUE(all_intact(blocks));
  blocks.clear();
  expect_empty();
  open(kMinBudget, 0);
  EXPECT_TRUE(store->set_spill(kMiB).is(Errno{EINVAL}));
}

}  // namespace
}  // namespace scratchfs::store
