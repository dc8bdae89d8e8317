#include "fs/base/clock.h"

#include <gtest/gtest.h>

#include <ctime>
#include <tuple>

namespace scratchfs::base {
namespace {

TEST(Clock, TellsTheTimeOfDayToTheNanosecond) {
  const auto before = std::time(nullptr);
  const timespec time = now();
  EXPECT_GE(time.tv_sec, before - 1);
  EXPECT_LE(time.tv_sec, before + 10);
  EXPECT_GE(time.tv_nsec, 0);
  EXPECT_LT(time.tv_nsec, 1'000'000'000);
}

TEST(Clock, IsTheOneThatTheKernelStampsFilesWith) {
  for (int round = 0; round < 1000; ++round) {
    timespec of_files{};
    const timespec before = now();
    clock_gettime(CLOCK_REALTIME_COARSE, &of_files);
    const timespec after = now();
    EXPECT_LE(std::tie(before.tv_sec, before.tv_nsec), std::tie(of_files.tv_sec, of_files.tv_nsec));
    EXPECT_LE(std::tie(of_files.tv_sec, of_files.tv_nsec), std::tie(after.tv_sec, after.tv_nsec));
  }
}

}  // namespace
}  // namespace scratchfs::base
