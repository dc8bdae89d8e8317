#include "fs/kernel/metrics/latency.h"

#include <cmath>
#include <numeric>

namespace scratchfs::kernel {

std::uint64_t Latencies::count() const {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

std::uint64_t Latencies::count_below(std::size_t bucket) const {
  return std::accumulate(buckets.begin(), buckets.begin() + static_cast<std::ptrdiff_t>(bucket) + 1,
                         std::uint64_t{0});
}

std::uint64_t Latencies::quantile(double share) const {
  const auto wanted = std::max(std::ceil(share * static_cast<double>(count())), 1.0);
  double below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto here = static_cast<double>(buckets[i]);
    if (below + here < wanted) {
      below += here;
      continue;
    }
    const std::uint64_t low = i == 0 ? 0 : latency_bound(i - 1);
    if (i + 1 == buckets.size()) return low;
    // Interpolates as if the requests were spread evenly over the bucket.
    const double part = (wanted - below) / here;
    return low + static_cast<std::uint64_t>(part * static_cast<double>(latency_bound(i) - low));
  }
  return 0;
}

Latencies Latencies::since(const Latencies& before) const {
  Latencies result;
  result.nanoseconds = nanoseconds - std::min(nanoseconds, before.nanoseconds);
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    result.buckets[i] = buckets[i] - std::min(buckets[i], before.buckets[i]);
  }
  return result;
}

}  // namespace scratchfs::kernel
