#include "fs/content/waiting.h"

#include <gtest/gtest.h>

#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

TEST(Acquired, BringsFramesAndLetsGoOfABlockBeforeItWaitsForThem) {
  Machine machine(0);
  store::BlockPtr block = machine.store->new_block();
  Acquired acquired;
  auto pin = machine.store->pin(*block, store::Access::write);
  ASSERT_TRUE(pin);
  acquired.pin = std::move(*pin);
  ASSERT_TRUE(acquired.wait_for(*machine.store, {.frames = 5}, base::Wait::yes));
  EXPECT_EQ(acquired.grant.size(), 5U);
  EXPECT_FALSE(acquired.pin);
  EXPECT_FALSE(acquired.refused);
}

TEST(Acquired, TakesFewerFramesWhereNotAllCanBeHad) {
  Machine machine(0);
  std::vector<store::FrameGrant> taken;
  std::uint64_t left = machine.store->free_bytes() / kPage;
  for (; left > 4; --left) {
    auto grant = machine.store->take_frames(1);
    ASSERT_TRUE(grant);
    taken.push_back(std::move(*grant));
  }
  Acquired acquired;
  ASSERT_TRUE(acquired.wait_for(*machine.store, {.frames = 16}, base::Wait::yes));
  EXPECT_EQ(acquired.grant.size(), 4U);
  EXPECT_FALSE(acquired.refused);
}

TEST(Acquired, RemembersWhyThereAreNoFrames) {
  Machine machine(0);
  std::vector<store::FrameGrant> taken;
  while (auto grant = machine.store->try_take_frames(1)) taken.push_back(std::move(*grant));
  Acquired acquired;
  ASSERT_TRUE(acquired.wait_for(*machine.store, {.frames = 16}, base::Wait::yes));
  EXPECT_EQ(acquired.grant.size(), 0U);
  EXPECT_EQ(acquired.refused, Errno(ENOSPC));
}

TEST(Acquired, BringsASpilledBlockAndKeepsFramesWhileItWaits) {
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

  Acquired acquired;
  ASSERT_TRUE(acquired.wait_for(*machine.store, {.frames = 2}, base::Wait::yes));
  Missing missing;
  missing.block = machine.store->hold(*block);
  ASSERT_TRUE(acquired.wait_for(*machine.store, std::move(missing), base::Wait::yes));
  ASSERT_TRUE(acquired.pin && acquired.pin.pins(*block));
  EXPECT_EQ(acquired.pin.page(3)[0], std::byte{42});
  EXPECT_EQ(acquired.pin.page(2), nullptr);
  EXPECT_EQ(acquired.grant.size(), 2U);
}

TEST(Acquired, TakesADroppedBlockForNothingToWaitFor) {
  Machine machine(0);
  store::BlockPtr block = machine.store->new_block();
  Missing missing;
  missing.block = machine.store->hold(*block);
  block.reset();
  Acquired acquired;
  EXPECT_TRUE(acquired.wait_for(*machine.store, std::move(missing), base::Wait::yes));
  EXPECT_FALSE(acquired.pin);
}

}  // namespace
}  // namespace scratchfs::content
