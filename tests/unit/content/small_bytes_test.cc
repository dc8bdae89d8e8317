#include "fs/content/small_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace scratchfs::content {
namespace {

TEST(SmallBytes, TakesRoomInUnitsOf512) {
  EXPECT_EQ(small_room(0), 0U);
  EXPECT_EQ(small_room(1), 512U);
  EXPECT_EQ(small_room(512), 512U);
  EXPECT_EQ(small_room(513), 1024U);
  EXPECT_EQ(small_room(kSmallMost), kSmallMost);
}

TEST(SmallBytes, GrowsWithZerosAndKeepsWhatWasThere) {
  SmallBytes small;
  EXPECT_EQ(small.room(), 0U);
  small.set_room(512);
  std::fill(small.bytes().begin(), small.bytes().end(), std::byte{7});
  small.set_room(1536);
  ASSERT_EQ(small.bytes().size(), 1536U);
  EXPECT_EQ(std::count(small.bytes().begin(), small.bytes().begin() + 512, std::byte{7}), 512);
  EXPECT_EQ(std::count(small.bytes().begin() + 512, small.bytes().end(), std::byte{0}), 1024);
}

TEST(SmallBytes, ForgetsWhatItShrinksAway) {
  SmallBytes small;
  small.set_room(1024);
  std::fill(small.bytes().begin(), small.bytes().end(), std::byte{7});
  small.set_room(512);
  small.set_room(1024);
  EXPECT_EQ(small.bytes()[511], std::byte{7});
  EXPECT_EQ(small.bytes()[512], std::byte{0});
  small.set_room(0);
  EXPECT_TRUE(small.bytes().empty());
}

}  // namespace
}  // namespace scratchfs::content
