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
  EvictionRing ring;
  std::array<Resident, 4> blocks;
  for (Resident& block : blocks) ring.add(block, later());
  for (int round = 0; round < 2; ++round) {
    for (Resident& block : blocks) EXPECT_EQ(&ring.next(later()), &block);
  }
}

TEST(Clock, ComesToANewBlockLast) {
  EvictionRing ring;
  std::array<Resident, 3> blocks;
  Resident late;
  for (Resident& block : blocks) ring.add(block, later());
  ring.next(later());
  ring.add(late, later());
  EXPECT_EQ(&ring.next(later()), &blocks[1]);
  EXPECT_EQ(&ring.next(later()), &blocks[2]);
  EXPECT_EQ(&ring.next(later()), &blocks[0]) << "it was passed just before";
  EXPECT_EQ(&ring.next(later()), &late);
}

TEST(Clock, ForgetsWhatIsRemovedUnderTheHandToo) {
  EvictionRing ring;
  std::array<Resident, 3> blocks;
  for (Resident& block : blocks) ring.add(block, later());
  ring.remove(blocks[0]);
  EXPECT_EQ(&ring.next(later()), &blocks[1]);
  ring.remove(blocks[1]);
  EXPECT_EQ(&ring.next(later()), &blocks[2]);
  EXPECT_EQ(&ring.next(later()), &blocks[2]);
  ring.remove(blocks[2]);
  EXPECT_EQ(ring.size(), 0U);
  ring.add(blocks[1], later());
  EXPECT_EQ(&ring.next(later()), &blocks[1]);
}

TEST(Clock, TellsHowOldTheBlockUnderTheHandIs) {
  EvictionRing ring;
  EXPECT_EQ(ring.oldest(), Moment::max());
  std::array<Resident, 2> blocks;
  const Moment first = later();
  const Moment second = later();
  ring.add(blocks[0], first);
  ring.add(blocks[1], second);
  EXPECT_EQ(ring.oldest(), first);
  const Moment passed = later();
  ring.next(passed);
  EXPECT_EQ(ring.oldest(), second);
  ring.remove(blocks[1]);
  EXPECT_EQ(ring.oldest(), passed);
}

}  // namespace
}  // namespace scratchfs::store
