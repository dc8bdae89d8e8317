// How long requests took: counts in buckets, four to each doubling, so that a quantile is true to
// an eighth of itself.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace scratchfs::kernel {

inline constexpr unsigned kShortestBits = 7;  // 128 ns: what is shorter has one bucket
inline constexpr unsigned kLongestBits = 35;  // 34 s: what is longer has one, too
inline constexpr std::size_t kLatencyBuckets = 4 * (kLongestBits - kShortestBits) + 2;

constexpr std::size_t latency_bucket(std::uint64_t nanoseconds) {
  if (nanoseconds < std::uint64_t{1} << kShortestBits) return 0;
  if (nanoseconds >= std::uint64_t{1} << kLongestBits) return kLatencyBuckets - 1;
  const auto bits = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1;
  return 1 + std::size_t{4} * (bits - kShortestBits) + (nanoseconds >> (bits - 2) & 3);
}

// Nanoseconds: what is counted in `bucket` is less. Not of the last one.
constexpr std::uint64_t latency_bound(std::size_t bucket) {
  return (std::uint64_t{4} + bucket % 4) << (kShortestBits - 2 + bucket / 4);
}

struct Latencies {
  std::uint64_t nanoseconds = 0;  // all together
  std::array<std::uint64_t, kLatencyBuckets> buckets{};

  std::uint64_t count() const;
  // How many took less than latency_bound(bucket).
  std::uint64_t count_below(std::size_t bucket) const;
  // Nanoseconds that `share` of the requests (0.5: the half of them) did not exceed; 0 where there
  // are none.
  std::uint64_t quantile(double share) const;
  // Without those of `before`, an earlier count of the same.
  Latencies since(const Latencies& before) const;
};

}  // namespace scratchfs::kernel
