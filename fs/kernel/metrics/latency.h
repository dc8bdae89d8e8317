// Latency histogram with four buckets per power of two, so that a quantile is at most a quarter
// off.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace scratchfs::kernel {

inline constexpr unsigned kShortestBits = 7;  // 128 ns: the first bucket holds all below
inline constexpr unsigned kLongestBits = 35;  // 34 s: the last bucket holds all from there on
inline constexpr std::size_t kLatencyBuckets = 4 * (kLongestBits - kShortestBits) + 2;

constexpr std::size_t latency_bucket(std::uint64_t nanoseconds) {
  if (nanoseconds < std::uint64_t{1} << kShortestBits) return 0;
  if (nanoseconds >= std::uint64_t{1} << kLongestBits) return kLatencyBuckets - 1;
  const auto bits = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1;
  return 1 + std::size_t{4} * (bits - kShortestBits) + (nanoseconds >> (bits - 2) & 3);
}

// The exclusive upper bound of `bucket`, in nanoseconds. Not defined for the last bucket.
constexpr std::uint64_t latency_bound(std::size_t bucket) {
  return (std::uint64_t{4} + bucket % 4) << (kShortestBits - 2 + bucket / 4);
}

struct Latencies {
  std::uint64_t nanoseconds = 0;  // sum of all latencies
  std::array<std::uint64_t, kLatencyBuckets> buckets{};

  std::uint64_t count() const;
  // Returns how many requests took less than latency_bound(bucket).
  std::uint64_t count_below(std::size_t bucket) const;
  // Returns the latency, in nanoseconds, that a fraction `share` of the requests did not exceed
  // (0.5: the median); 0 if there are none.
  std::uint64_t quantile(double share) const;
  // Returns the difference to `before`, an earlier snapshot of the same histogram.
  Latencies since(const Latencies& before) const;
};

}  // namespace scratchfs::kernel
