#include "fs/base/log_limiter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace scratchfs::base {
namespace {

using namespace std::chrono_literals;

TEST(LogLimiter, LetsSoManyThroughPerInterval) {
  LogLimiter hour(1h, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hour.admit(), 0U);
  EXPECT_FALSE(hour.admit());
}

TEST(LogLimiter, CountsWhatItLeftOutForTheNextLine) {
  LogLimiter moment(1ms);
  std::uint64_t asked = 0;
  std::uint64_t told = 0;
  for (int lines = 0; lines < 3;) {
    ++asked;
    if (const auto omitted = moment.admit()) {
      told += *omitted + 1;
      ++lines;
    }
  }
  EXPECT_EQ(told, asked);
  EXPECT_EQ(moment.take_omitted(), 0U);
}

TEST(LogLimiter, LosesNoneBetweenThreads) {
  constexpr int kThreads = 4;
  constexpr int kLines = 50'000;
  LogLimiter moment(1ms, 2);
  std::atomic<std::uint64_t> told = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int line = 0; line < kLines; ++line) {
        if (const auto omitted = moment.admit()) told += *omitted + 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told + moment.take_omitted(), kThreads * kLines);
}

TEST(LogLimiter, SaysHowManyMore) {
  EXPECT_EQ(and_more(0), "");
  EXPECT_EQ(and_more(12), " (and 12 more)");
}

}  // namespace
}  // namespace scratchfs::base
