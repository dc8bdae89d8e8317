#include "fs/store/log_limiter.h"

#include <gtest/gtest.h>

#include <thread>

namespace scratchfs::store {
namespace {

using namespace std::chrono_literals;

TEST(LogLimiter, LetsOneThroughPerInterval) {
  LogLimiter hour(1h);
  EXPECT_TRUE(hour.may_log());
  EXPECT_FALSE(hour.may_log());
  LogLimiter moment(1ms);
  EXPECT_TRUE(moment.may_log());
  std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(moment.may_log());
}

}  // namespace
}  // namespace scratchfs::store
