// A disk that is full, fails, or returns other bytes than were written.
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/store/store_fixture.h"

namespace scratchfs::store {
namespace {

using StoreWithABadDisk = StoreTest;

TEST_F(StoreWithABadDisk, TellsWhyNoSpillFileCanBeMade) {
  disk.fail_creates(EROFS);
  EXPECT_TRUE(Store::create({.memory = kMinBudget, .spill = kMiB, .spill_directory = &disk})
                  .is(Errno{EROFS}));
}

TEST_F(StoreWithABadDisk, AnswersEioForABlockThatWasChangedOnTheDiskAndGoesOn) {
  open(kMinBudget, 256 * kMiB);
  auto blocks = make_all(2 * kMinBudget);
  Block* spilled = nullptr;
  ASSERT_TRUE(soon([&] {
    for (const BlockPtr& block : blocks) {
      if (!in_memory(*block)) spilled = block.get();
    }
    return spilled != nullptr;
  }));
  disk.corrupt_reads(true);
  const Hold hold = store->hold(*spilled);
  EXPECT_TRUE(store->fetch(hold, Access::read).is(Errno{EIO}));
  EXPECT_TRUE(store->fetch(hold, Access::write).is(Errno{EIO}));
  EXPECT_EQ(store->stats().blocks_corrupt, 2U);
  // The failed reads lost nothing.
  disk.corrupt_reads(false);
  ASSERT_TRUE(all_intact(blocks));
}

TEST_F(StoreWithABadDisk, AnswersEioWhenTheDiskCannotBeRead) {
  open(kMinBudget, 256 * kMiB);
  auto blocks = make_all(2 * kMinBudget);
  disk.fail_reads(ENXIO);
  std::size_t failed = 0;
  for (const BlockPtr& block : blocks) {
    if (in_memory(*block)) continue;
    EXPECT_TRUE(pin(*block, Access::read).is(Errno{EIO}));
    ++failed;
  }
  EXPECT_GT(failed, 0U);
  disk.fail_reads({});
  ASSERT_TRUE(all_intact(blocks));
}

class BrokenDisk : public StoreTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(, BrokenDisk, testing::Values(ENOSPC, EIO));

TEST_P(BrokenDisk, KeepsWhatWasAcceptedAndRecovers) {
  open(kMinBudget, 256 * kMiB);
  auto blocks = make_all(2 * kMinBudget);
  disk.fail_writes(GetParam());
  EXPECT_EQ(fill_up(blocks, 4 * kMinBudget), GetParam());
  // A write that was in progress when the disk broke may still have made room for a few more
  // blocks.
  EXPECT_TRUE(soon([&] {
    fill_up(blocks, 4 * kMinBudget);
    return store->try_take_frames(16).is(Errno{GetParam()});
  }));
  EXPECT_GT(store->stats().spill_errors, 0U);
  // Spilled blocks can be read even while memory is full of blocks that cannot be evicted.
  ASSERT_TRUE(all_intact(blocks));
  disk.fail_writes({});
  EXPECT_TRUE(soon([&] { return static_cast<bool>(make(0)); }));
  ASSERT_TRUE(all_intact(blocks));
  blocks.clear();
  expect_empty();
}

}  // namespace
}  // namespace scratchfs::store
