#include "fs/base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

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

}  // namespace
}  // namespace scratchfs::base
