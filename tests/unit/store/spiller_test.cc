#include "fs/store/spiller.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/unit/base/soon.h"
#include "tests/unit/store/store_parts_fixture.h"

namespace scratchfs::store {
namespace {

using namespace std::chrono_literals;

class SpillerTest : public PartsTest {
 protected:
  SpillerTest() : PartsTest(32 << 20, 256 << 20) {
    disk.watch_writes([this](std::span<const std::byte> bytes, std::uint64_t) {
      const std::lock_guard lock(mutex);
      sizes.push_back(bytes.size());
    });
  }

  void TearDown() override {
    spiller.reset();
    for (Block* block : made) blocks->drop(*block);
    EXPECT_EQ(budget.counts().used, 0U);
    EXPECT_EQ(slots->in_use(), 0U);
  }

  void start() { spiller = *Spiller::create(*blocks, budget, *slots); }

  // Makes blocks with these pages until `bytes` are in use. `bytes` must not exceed the trigger.
  void fill_to(std::uint64_t bytes, PageMask mask = 0xffff) {
    const auto pages = static_cast<std::size_t>(std::popcount(mask));
    while (budget.counts().used + pages * kPageSize <= bytes) made.push_back(make(mask));
  }

  std::mutex mutex;
  std::vector<std::size_t> sizes;
  std::unique_ptr<Spiller> spiller;
  std::vector<Block*> made;
};

TEST_F(SpillerTest, BringsMemoryDownToTheTargetAndNotMuchFurther) {
  fill_to(budget.marks().trigger);
  start();
  EXPECT_TRUE(soon([&] { return budget.counts().used <= budget.marks().target; }));
  EXPECT_GE(budget.counts().used, budget.marks().target - (4 << 20));
}

TEST_F(SpillerTest, WritesManyBlocksAtOnce) {
  fill_to(budget.marks().trigger);
  start();
  EXPECT_TRUE(soon([&] { return budget.counts().used <= budget.marks().target; }));
  const std::lock_guard lock(mutex);
  ASSERT_FALSE(sizes.empty());
  EXPECT_EQ(*std::max_element(sizes.begin(), sizes.end()), std::size_t{1} << 20);
}

// Data that was written in sequence is evicted in sequence, so that a later sequential read finds
// it in large pieces.
TEST_F(SpillerTest, WhatBecameOldTogetherIsChosenTogether) {
  constexpr std::size_t kBlocks = 6000;  // enough to use many heap pages in each shard
  std::map<const Block*, std::size_t> number;
  while (made.size() < kBlocks) {
    fill_to(budget.counts().used + kPageSize, 0x1);
    number[made.back()] = made.size();
    if (made.size() % 10 == 0) std::this_thread::sleep_for(100us);
  }
  blocks->choose(kBatch, kBatch, true, kBatch, leaving);
  ASSERT_GT(leaving.size(), 200U);
  std::size_t gaps = 0;
  for (std::size_t i = 1; i < leaving.size(); ++i) {
    if (number[leaving[i].block] != number[leaving[i - 1].block] + 1) ++gaps;
  }
  // A fresh heap gives one gap per shard, a fragmented one a few more. If each shard chose its own
  // blocks, half would be gaps.
  EXPECT_LE(gaps, leaving.size() / 5);
  for (Leaving& entry : leaving) blocks->not_written(entry, false);
}

TEST_F(SpillerTest, LeavesMemoryBelowTheTargetAlone) {
  start();
  fill_to(budget.marks().target);
  // A spiller that starts too early fails the test; one that is slow does not.
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(disk.writes(), 0U);
}

TEST_F(SpillerTest, TriesAgainAfterAnErrorWithoutBeingAsked) {
  disk.fail_writes(EIO);
  fill_to(budget.marks().trigger);
  start();
  EXPECT_TRUE(soon([&] { return spiller->errors() >= 2; }));
  EXPECT_TRUE(budget.try_reserve(Need::take, kBlockSize).is(base::Errno{EIO}));
  EXPECT_TRUE(soon([&] { return slots->in_use() == 0; }));
  disk.fail_writes({});
  EXPECT_TRUE(soon([&] { return budget.counts().used <= budget.marks().target; }));
  ASSERT_TRUE(budget.try_reserve(Need::take, kBlockSize));
  budget.release(kBlockSize, 0);
}

TEST_F(SpillerTest, TellsAFullDiskFromABrokenOne) {
  disk.fail_writes(EDQUOT);
  fill_to(budget.marks().trigger);
  start();
  EXPECT_TRUE(
      soon([&] { return budget.try_reserve(Need::take, kBlockSize).is(base::Errno{ENOSPC}); }));
  EXPECT_TRUE(budget.reserve(Need::take, kBlockSize, base::Wait::yes).is(base::Errno{ENOSPC}));
}

}  // namespace
}  // namespace scratchfs::store
