#include "mount/options/subordinate_ids.h"

#include <gtest/gtest.h>

#include <vector>

namespace scratchfs::mount {
namespace {

std::optional<uid_t> find(std::string_view name) {
  if (name == "alice" || name == "1000") return 1000;
  if (name == "bob") return 1001;
  return std::nullopt;
}

TEST(SubordinateIds, AreReadLineByLine) {
  const auto ids =
      parse_subordinate_ids("alice:100000:65536\n\n# a comment\n1000:300000:1\nbob:0:0", find);
  EXPECT_EQ(ids.ranges, (std::vector<quota::HeldIds>{
                            {100'000, 65'536, 1000}, {300'000, 1, 1000}, {0, 0, 1001}}));
  EXPECT_EQ(ids.bad_line, 0U);
}

TEST(SubordinateIds, OfUsersThatThereAreNotArePassedOver) {
  const auto ids = parse_subordinate_ids("carol:100000:65536\nbob:5:6\n", find);
  EXPECT_EQ(ids.ranges, (std::vector<quota::HeldIds>{{5, 6, 1001}}));
  EXPECT_EQ(ids.bad_line, 0U);
}

TEST(SubordinateIds, WhatIsNoLineOfTheKindIsToldOnce) {
  for (const char* bad : {"alice", "alice:1", "alice:1:", "alice::1", ":1:1", "alice:x:1",
                          "alice:1:1:1", "alice:-1:1", "alice:1:4294967296", " alice:1: 1"}) {
    const auto ids = parse_subordinate_ids(std::string("bob:5:6\n") + bad + "\nbob\n", find);
    EXPECT_EQ(ids.ranges.size(), 1U) << bad;
    EXPECT_EQ(ids.bad_line, 2U) << bad;
  }
}

TEST(SubordinateIds, AFileThatIsNotThereHoldsNone) {
  const auto ids = read_subordinate_ids("/nonexistent/subuid");
  ASSERT_TRUE(ids);
  EXPECT_TRUE(ids->ranges.empty());
  EXPECT_FALSE(read_subordinate_ids("/dev/null")) << "no regular file";
}

}  // namespace
}  // namespace scratchfs::mount
