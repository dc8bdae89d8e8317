#include "fs/kernel/metrics/latency.h"

#include <gtest/gtest.h>

#include <vector>

namespace scratchfs::kernel {
namespace {

Latencies of(const std::vector<std::uint64_t>& all) {
  Latencies latencies;
  for (const std::uint64_t nanoseconds : all) {
    latencies.nanoseconds += nanoseconds;
    ++latencies.buckets[latency_bucket(nanoseconds)];
  }
  return latencies;
}

TEST(Latency, EachBucketBeginsWhereTheOneBeforeEnds) {
  EXPECT_EQ(latency_bucket(0), 0U);
  for (std::size_t i = 0; i + 1 < kLatencyBuckets; ++i) {
    EXPECT_EQ(latency_bucket(latency_bound(i) - 1), i);
    EXPECT_EQ(latency_bucket(latency_bound(i)), i + 1);
  }
  EXPECT_EQ(latency_bucket(~std::uint64_t{0}), kLatencyBuckets - 1);
}

TEST(Latency, ABucketIsNoWiderThanAQuarterOfWhatItHolds) {
  for (std::size_t i = 1; i + 1 < kLatencyBuckets; ++i) {
    const std::uint64_t low = latency_bound(i - 1);
    EXPECT_LE(4 * (latency_bound(i) - low), low) << i;
  }
}

TEST(Latency, QuantilesAreTrueToAnEighth) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 1; i <= 1000; ++i) all.push_back(i * 1000);
  const Latencies latencies = of(all);
  EXPECT_EQ(latencies.count(), 1000U);
  EXPECT_NEAR(static_cast<double>(latencies.quantile(0.5)), 500e3, 500e3 / 8);
  EXPECT_NEAR(static_cast<double>(latencies.quantile(0.99)), 990e3, 990e3 / 8);
}

TEST(Latency, QuantilesOfOneAndOfNone) {
  EXPECT_EQ(Latencies{}.quantile(0.5), 0U);
  const Latencies one = of({5000});
  EXPECT_EQ(latency_bucket(one.quantile(0.01) - 1), latency_bucket(5000));
  EXPECT_EQ(one.quantile(0.01), one.quantile(1));
}

TEST(Latency, WhatIsLongerThanAllBucketsCountsAsTheLongest) {
  EXPECT_EQ(of({~std::uint64_t{0}}).quantile(0.5), std::uint64_t{1} << kLongestBits);
}

TEST(Latency, TheDifferenceIsWhatCameInBetween) {
  const Latencies later = of({200, 3000, 3000});
  const Latencies between = later.since(of({200}));
  EXPECT_EQ(between.count(), 2U);
  EXPECT_EQ(between.nanoseconds, 6000U);
}

}  // namespace
}  // namespace scratchfs::kernel
