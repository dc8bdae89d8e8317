// The states of a block; the tests make each step of the spiller themselves.
#include "fs/store/blocks.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "tests/unit/store/store_parts_fixture.h"

namespace scratchfs::store {
namespace {

using State = Block::State;

class BlocksTest : public PartsTest {
 protected:
  BlocksTest() : PartsTest(8 << 20, 64 << 20) {}

  // Makes a block that has only page 5, filled with `fill`.
  Block* make(int fill) {
    Block* block = PartsTest::make(1 << 5);
    std::memset(frames->address(block->resident->frames[5]), fill, kPageSize);
    return block;
  }

  int first_byte(const Block& block) const {
    return std::to_integer<int>(*frames->address(block.resident->frames[5]));
  }

  void choose() {
    leaving.clear();
    choice = blocks->choose(kBatch, kBatch, true, kBatch, leaving);
  }

  void spill(Block& block) {
    choose();
    ASSERT_EQ(leaving.size(), 1U);
    ASSERT_TRUE(seal(leaving[0]));
    write_out(leaving[0]);
    EXPECT_EQ(blocks->written(leaving[0]), kPageSize);
    ASSERT_EQ(block.state, State::spilled);
  }

  void expect_empty() {
    EXPECT_EQ(budget.counts().used, 0U);
    EXPECT_EQ(budget.counts().clean, 0U);
    EXPECT_EQ(slots->in_use(), 0U);
  }

  Blocks::Choice choice;
};

TEST_F(BlocksTest, ABlankBlockComesAndGoesWithoutTheDisk) {
  Block* const block = blocks->make_blank(0b110000);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(slots->in_use(), 2 * kPageSize);
  ASSERT_TRUE(blocks->pin(*block, Access::read));
  EXPECT_EQ(first_byte(*block), 0);
  EXPECT_FALSE(blocks->reshape_blank(*block, 0b1)) << "it has frames";
  blocks->unpin(*block);
  choose();
  EXPECT_EQ(block->state, State::spilled);
  ASSERT_TRUE(blocks->pin(*block, Access::write));
  EXPECT_EQ(slots->in_use(), 0U) << "what may be written to has no slot";
  blocks->unpin(*block);
  choose();
  EXPECT_TRUE(leaving.empty()) << "nobody has written to it";
  EXPECT_EQ(block->state, State::spilled);
  EXPECT_TRUE(blocks->reshape_blank(*block, 0xffff));
  EXPECT_EQ(slots->in_use(), kBlockSize);
  EXPECT_EQ(blocks->totals().blank, kBlockSize);
  EXPECT_EQ(disk.writes() + disk.reads(), 0U);
  blocks->drop(*block);
  EXPECT_EQ(blocks->totals().blank, 0U);
  expect_empty();
}

TEST_F(BlocksTest, ThereIsNoBlankBlockWithoutRoomForIt) {
  slots->set_limit(kBlockSize);
  Block* const block = blocks->make_blank(0xffff);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(blocks->make_blank(1), nullptr);
  EXPECT_TRUE(blocks->reshape_blank(*block, 1));
  Block* const other = blocks->make_blank(1);
  ASSERT_NE(other, nullptr);
  EXPECT_FALSE(blocks->reshape_blank(*other, 0xffff));
  blocks->drop(*block);
  blocks->drop(*other);
  expect_empty();
}

TEST_F(BlocksTest, GoOutAndComeBackClean) {
  Block* block = make(42);
  spill(*block);
  EXPECT_EQ(budget.counts().used, kRememberedBytes);
  EXPECT_TRUE(blocks->pin(*block, Access::read).is(base::kWouldBlock));
  blocks->hold(*block);
  ASSERT_TRUE(blocks->fetch(*block, Access::read));
  EXPECT_EQ(first_byte(*block), 42);
  EXPECT_TRUE(block->resident->clean);
  EXPECT_EQ(budget.counts().clean, kPageSize);
  EXPECT_EQ(slots->in_use(), kPageSize) << "the slot is kept while its bytes are true";
  blocks->unpin(*block);
  blocks->unhold(*block);
  blocks->drop(*block);
  expect_empty();
}

TEST_F(BlocksTest, LeaveWithoutAWriteWhenClean) {
  Block* block = make(42);
  spill(*block);
  blocks->hold(*block);
  ASSERT_TRUE(blocks->fetch(*block, Access::read));
  blocks->unpin(*block);
  const std::uint64_t nonce = cipher->next_nonce();
  choose();
  EXPECT_EQ(choice.evicted, kPageSize);
  EXPECT_TRUE(leaving.empty());
  EXPECT_EQ(cipher->next_nonce(), nonce);
  ASSERT_TRUE(blocks->fetch(*block, Access::write));
  EXPECT_EQ(first_byte(*block), 42);
  EXPECT_EQ(slots->in_use(), 0U) << "what is written to has no true copy on the disk";
  blocks->unpin(*block);
  blocks->unhold(*block);
  blocks->drop(*block);
  expect_empty();
}

TEST_F(BlocksTest, AreNotChosenWhilePinned) {
  Block* block = make(1);
  ASSERT_TRUE(blocks->pin(*block, Access::read));
  choose();
  EXPECT_TRUE(leaving.empty());
  blocks->unpin(*block);
  blocks->drop(*block);
  expect_empty();
}

TEST_F(BlocksTest, StayWhenWrittenToWhileChosen) {
  Block* block = make(1);
  choose();
  ASSERT_TRUE(blocks->pin(*block, Access::write));
  blocks->unpin(*block);
  EXPECT_FALSE(seal(leaving[0]));
  blocks->not_written(leaving[0], false);
  EXPECT_EQ(block->state, State::resident);
  EXPECT_EQ(slots->in_use(), 0U);
  blocks->drop(*block);
  expect_empty();
}

TEST_F(BlocksTest, StayWhenWrittenToWhileBeingWrittenAndTheSlotIsThrownAway) {
  Block* block = make(1);
  choose();
  ASSERT_TRUE(seal(leaving[0]));
  EXPECT_EQ(block->state, State::writing);
  write_out(leaving[0]);
  ASSERT_TRUE(blocks->pin(*block, Access::write));
  std::memset(frames->address(block->resident->frames[5]), 2, kPageSize);
  blocks->unpin(*block);
  EXPECT_EQ(blocks->written(leaving[0]), 0U);
  EXPECT_EQ(block->state, State::resident);
  EXPECT_FALSE(block->resident->clean);
  EXPECT_EQ(slots->in_use(), 0U);
  spill(*block);
  blocks->hold(*block);
  ASSERT_TRUE(blocks->fetch(*block, Access::read));
  EXPECT_EQ(first_byte(*block), 2);
  blocks->unpin(*block);
  blocks->unhold(*block);
  blocks->drop(*block);
  expect_empty();
}

TEST_F(BlocksTest, StayCleanWhenReadWhileBeingWritten) {
  Block* block = make(1);
  choose();
  ASSERT_TRUE(seal(leaving[0]));
  write_out(leaving[0]);
  ASSERT_TRUE(blocks->pin(*block, Access::read));
  EXPECT_EQ(blocks->written(leaving[0]), 0U);
  EXPECT_EQ(block->state, State::resident);
  EXPECT_TRUE(block->resident->clean);
  EXPECT_EQ(budget.counts().firm, 0U);
  blocks->unpin(*block);
  blocks->drop(*block);
  expect_empty();
}

TEST_F(BlocksTest, StayWhenTheWriteFailed) {
  Block* block = make(7);
  choose();
  ASSERT_TRUE(seal(leaving[0]));
  leaving[0].slot = slots->allocate(0, 1).first;
  blocks->not_written(leaving[0], true);
  EXPECT_EQ(block->state, State::resident);
  EXPECT_EQ(first_byte(*block), 7);
  EXPECT_EQ(slots->in_use(), 0U);
  blocks->drop(*block);
  expect_empty();
}

TEST_F(BlocksTest, AreFreedAtOnceWhenDroppedInAnyState) {
  Block* chosen = make(1);
  choose();
  blocks->drop(*chosen);
  EXPECT_EQ(budget.counts().used, 0U);
  EXPECT_FALSE(seal(leaving[0]));
  blocks->not_written(leaving[0], false);

  Block* writing = make(2);
  choose();
  ASSERT_TRUE(seal(leaving[0]));
  write_out(leaving[0]);
  blocks->drop(*writing);
  EXPECT_EQ(budget.counts().used, 0U);
  EXPECT_EQ(blocks->written(leaving[0]), 0U);

  Block* spilled = make(3);
  spill(*spilled);
  blocks->drop(*spilled);
  expect_empty();
}

TEST_F(BlocksTest, TellWhoHoldsThemThatTheyWereDropped) {
  Block* block = make(1);
  blocks->hold(*block);
  spill(*block);
  blocks->drop(*block);
  expect_empty();
  EXPECT_TRUE(blocks->fetch(*block, Access::read).is(base::Errno{ECANCELED}));
  blocks->unhold(*block);
}

TEST_F(BlocksTest, WaitForFirmMemoryBeforeACleanOneIsWrittenTo) {
  Block* block = make(1);
  spill(*block);
  blocks->hold(*block);
  ASSERT_TRUE(blocks->fetch(*block, Access::read));
  blocks->unpin(*block);
  const std::uint64_t taken = budget.marks().trigger - budget.counts().firm;
  ASSERT_TRUE(budget.try_reserve(Need::take, taken));
  ASSERT_TRUE(budget.add_small(budget.marks().overwrite - budget.marks().trigger));
  EXPECT_TRUE(blocks->pin(*block, Access::write).is(base::kWouldBlock));
  EXPECT_TRUE(blocks->pin(*block, Access::read)) << "reading needs none";
  blocks->unpin(*block);
  std::thread writer([&] {
    EXPECT_TRUE(blocks->fetch(*block, Access::write));
    EXPECT_FALSE(block->resident->clean);
    blocks->unpin(*block);
  });
  budget.release(taken, 0);
  writer.join();
  budget.remove_small(budget.marks().overwrite - budget.marks().trigger);
  blocks->unhold(*block);
  blocks->drop(*block);
  expect_empty();
}

TEST_F(BlocksTest, StayWhereTheyAreWhenNoSlotIsFree) {
  limit_slots(0);
  Block* block = make(1);
  choose();
  EXPECT_TRUE(choice.no_slot);
  EXPECT_TRUE(leaving.empty());
  blocks->drop(*block);
  expect_empty();
}

}  // namespace
}  // namespace scratchfs::store
