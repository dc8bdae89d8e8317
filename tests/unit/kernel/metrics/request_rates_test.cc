#include "fs/kernel/metrics/request_rates.h"

#include <gtest/gtest.h>

namespace scratchfs::kernel {
namespace {

using namespace std::chrono_literals;

class RecentWindowTest : public testing::Test {
 protected:
  // Returns totals of `count` LOOKUPs of one microsecond each.
  static RequestTotals totals(std::uint64_t count) {
    RequestTotals all{};
    all[0].nanoseconds = count * 1000;
    all[0].buckets[latency_bucket(1000)] = count;
    return all;
  }
  std::uint64_t recent(std::chrono::seconds now, std::uint64_t count) const {
    return window_.recent(start_ + now, totals(count)).totals[0].count();
  }

  const RecentWindow::Moment start_ = RecentWindow::Moment() + 1000h;
  RecentWindow window_{start_};
};

TEST_F(RecentWindowTest, TheFirstMinuteIsAllThereIs) {
  EXPECT_EQ(recent(5s, 3), 3U);
  window_.remember(start_ + 10s, totals(4));
  EXPECT_EQ(recent(59s, 9), 9U);
  EXPECT_EQ(window_.recent(start_ + 59s, totals(9)).span, 59s);
}

TEST_F(RecentWindowTest, LaterItIsTheLastMinute) {
  for (int i = 1; i <= 30; ++i) {
    window_.remember(start_ + i * 10s, totals(static_cast<std::uint64_t>(i)));
  }
  const RecentRequests last = window_.recent(start_ + 305s, totals(100));
  EXPECT_EQ(last.span, 65s);
  EXPECT_EQ(last.totals[0].count(), 100U - 24U);
  EXPECT_EQ(last.totals[0].nanoseconds, (100U - 24U) * 1000);
}

TEST(Recent, CountsFromTheStart) {
  const auto counters = std::make_unique<Counters>();
  const Recent recent(*counters);
  counters->note(Opcode::read, 5us);
  const RecentRequests now = recent.requests();
  EXPECT_EQ(now.totals[static_cast<std::size_t>(Opcode::read)].count(), 1U);
  EXPECT_GT(now.span, 0ns);
}

}  // namespace
}  // namespace scratchfs::kernel
