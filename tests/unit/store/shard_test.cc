// The clock algorithm that finds cold blocks.
#include "fs/store/shard.h"

#include <gtest/gtest.h>

#include <vector>

namespace scratchfs::store {
namespace {

// Returns a later moment at each call.
Moment later() {
  static Moment now{};
  return now += std::chrono::nanoseconds(1);
}

TEST(Clock, GoesRoundFromTheOldest) {
  Clock clock;
  std::array<Resident, 4> blocks;
  for (Resident& block : blocks) clock.add(block, later());
  for (int round = 0; round < 2; ++round) {
    for (Resident& block : blocks) EXPECT_EQ(&clock.next(later()), &block);
  }
}

TEST(Clock, ComesToANewBlockLast) {
  Clock clock;
  std::array<Resident, 3> blocks;
  Resident late;
  for (Resident& block : blocks) clock.add(block, later());
  clock.next(later());
  clock.add(late, later());
  EXPECT_EQ(&clock.next(later()), &blocks[1]);
  EXPECT_EQ(&clock.next(later()), &blocks[2]);
  EXPECT_EQ(&clock.next(later()), &blocks[0]) << "it was passed just before";
  EXPECT_EQ(&clock.next(later()), &late);
}

TEST(Clock, ForgetsWhatIsRemovedUnderTheHandToo) {
  Clock clock;
  std::array<Resident, 3> blocks;
  for (Resident& block : blocks) clock.add(block, later());
  clock.remove(blocks[0]);
  EXPECT_EQ(&clock.next(later()), &blocks[1]);
  clock.remove(blocks[1]);
  EXPECT_EQ(&clock.next(later()), &blocks[2]);
  EXPECT_EQ(&clock.next(later()), &blocks[2]);
  clock.remove(blocks[2]);
  EXPECT_EQ(clock.size(), 0U);
  clock.add(blocks[1], later());
  EXPECT_EQ(&clock.next(later()), &blocks[1]);
}

TEST(Clock, TellsHowOldTheBlockUnderTheHandIs) {
  Clock clock;
  EXPECT_EQ(clock.oldest(), Moment::max());
  std::array<Resident, 2> blocks;
  const Moment first = later();
  const Moment second = later();
  clock.add(blocks[0], first);
  clock.add(blocks[1], second);
  EXPECT_EQ(clock.oldest(), first);
  const Moment passed = later();
  clock.next(passed);
  EXPECT_EQ(clock.oldest(), second);
  clock.remove(blocks[1]);
  EXPECT_EQ(clock.oldest(), passed);
}

}  // namespace
}  // namespace scratchfs::store
