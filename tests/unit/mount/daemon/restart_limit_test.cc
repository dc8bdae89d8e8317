#include "mount/daemon/restart_limit.h"

#include <gtest/gtest.h>

namespace scratchfs::mount {
namespace {

constexpr std::chrono::milliseconds kShort{9'999};

TEST(RestartLimit, GivesUpAfterSoManyShortLivesInARow) {
  RestartLimit limit;
  for (int i = 1; i < RestartLimit::kMost; ++i) EXPECT_TRUE(limit.allows_another(kShort)) << i;
  EXPECT_FALSE(limit.allows_another(kShort));
}

TEST(RestartLimit, CountsThoseThatNeverAnswered) {
  RestartLimit limit;
  for (int i = 1; i < RestartLimit::kMost; ++i)
    EXPECT_TRUE(limit.allows_another(std::nullopt)) << i;
  EXPECT_FALSE(limit.allows_another(kShort));
}

TEST(RestartLimit, BeginsAnewAfterALongLife) {
  RestartLimit limit;
  for (int day = 0; day < 3; ++day) {
    for (int i = 1; i < RestartLimit::kMost; ++i) EXPECT_TRUE(limit.allows_another(kShort));
    EXPECT_TRUE(limit.allows_another(RestartLimit::kLongEnough));
  }
}

}  // namespace
}  // namespace scratchfs::mount
