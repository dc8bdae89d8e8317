// The clock that finds the cold blocks.
#include "fs/store/shard.h"

#include <gtest/gtest.h>

#include <vector>

namespace scratchfs::store {
namespace {

TEST(Clock, GoesRoundFromTheOldest) {
  Clock clock;
  std::array<Resident, 4> blocks;
  for (Resident& block : blocks) clock.add(block);
  for (int round = 0; round < 2; ++round) {
    for (Resident& block : blocks) EXPECT_EQ(&clock.next(), &block);
  }
}

TEST(Clock, ComesToANewBlockLast) {
  Clock clock;
  std::array<Resident, 3> blocks;
  Resident late;
  for (Resident& block : blocks) clock.add(block);
  clock.next();
  clock.add(late);
  EXPECT_EQ(&clock.next(), &blocks[1]);
  EXPECT_EQ(&clock.next(), &blocks[2]);
  EXPECT_EQ(&clock.next(), &blocks[0]) << "it was passed just before";
  EXPECT_EQ(&clock.next(), &late);
}

TEST(Clock, ForgetsWhatIsRemovedUnderTheHandToo) {
  Clock clock;
  std::array<Resident, 3> blocks;
  for (Resident& block : blocks) clock.add(block);
  clock.remove(blocks[0]);
  EXPECT_EQ(&clock.next(), &blocks[1]);
  clock.remove(blocks[1]);
  EXPECT_EQ(&clock.next(), &blocks[2]);
  EXPECT_EQ(&clock.next(), &blocks[2]);
  clock.remove(blocks[2]);
  EXPECT_EQ(clock.size(), 0U);
  clock.add(blocks[1]);
  EXPECT_EQ(&clock.next(), &blocks[1]);
}

}  // namespace
}  // namespace scratchfs::store
