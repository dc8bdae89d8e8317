#include "fs/content/waiting.h"

#include <gtest/gtest.h>

#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

TEST(Hand, BringsFramesAndLetsGoOfABlockBeforeItWaitsForThem) {
  Machine machine(0);
  store::BlockPtr block = machine.store->new_block();
  Hand hand;
  auto pin = machine.store->pin(*block, store::Access::write);
  ASSERT_TRUE(pin);
  hand.pin = std::move(*pin);
  ASSERT_TRUE(hand.wait_for(*machine.store, {.frames = 5}, base::Wait::yes));
  EXPECT_EQ(hand.grant.size(), 5U);
  EXPECT_FALSE(hand.pin);
  EXPECT_FALSE(hand.refused);
}

TEST(Hand, TakesFewerFramesWhereNotAllCanBeHad) {
  Machine machine(0);
  std::vector<store::FrameGrant> taken;
  std::uint64_t left = machine.store->free_bytes() / kPage;
  for (; left > 4; --left) {
    auto grant = machine.store->take_frames(1);
    ASSERT_TRUE(grant);
    taken.push_back(std::move(*grant));
  }
  Hand hand;
  ASSERT_TRUE(hand.wait_for(*machine.store, {.frames = 16}, base::Wait::yes));
  EXPECT_EQ(hand.grant.size(), 4U);
  EXPECT_FALSE(hand.refused);
}

TEST(Hand, RemembersWhyThereAreNoFrames) {
  Machine machine(0);
  std::vector<store::FrameGrant> taken;
  while (auto grant = machine.store->try_take_frames(1)) taken.push_back(std::move(*grant));
  Hand hand;
  ASSERT_TRUE(hand.wait_for(*machine.store, {.frames = 16}, base::Wait::yes));
  EXPECT_EQ(hand.grant.size(), 0U);
  EXPECT_EQ(hand.refused, Errno(ENOSPC));
}

TEST(Hand, BringsASpilledBlockAndKeepsFramesWhileItWaits) {
  Machine machine;
  store::BlockPtr block = machine.store->new_block();
  {
    auto pin = machine.store->pin(*block, store::Access::write);
    auto grant = machine.store->take_frames(1);
    ASSERT_TRUE(pin && grant);
    pin->add_page(3, *grant, false)[0] = std::byte{42};
  }
  bool spilled = false;
  for (int round = 0; round < 50 && !spilled; ++round) {
    File filler(machine);
    for (unsigned i = 0; i < 12; ++i) filler.put(pattern(kMiB, i), i * kMiB);
    spilled = machine.store->pin(*block, store::Access::read).is(base::kWouldBlock);
  }
  ASSERT_TRUE(spilled);

  Hand hand;
  ASSERT_TRUE(hand.wait_for(*machine.store, {.frames = 2}, base::Wait::yes));
  Lack lack;
  lack.block = machine.store->hold(*block);
  ASSERT_TRUE(hand.wait_for(*machine.store, std::move(lack), base::Wait::yes));
  ASSERT_TRUE(hand.pin && hand.pin.pins(*block));
  EXPECT_EQ(hand.pin.page(3)[0], std::byte{42});
  EXPECT_EQ(hand.pin.page(2), nullptr);
  EXPECT_EQ(hand.grant.size(), 2U);
}

TEST(Hand, TakesADroppedBlockForNothingToWaitFor) {
  Machine machine(0);
  store::BlockPtr block = machine.store->new_block();
  Lack lack;
  lack.block = machine.store->hold(*block);
  block.reset();
  Hand hand;
  EXPECT_TRUE(hand.wait_for(*machine.store, std::move(lack), base::Wait::yes));
  EXPECT_FALSE(hand.pin);
}

}  // namespace
}  // namespace scratchfs::content
