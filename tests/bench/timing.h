// Measures durations.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace scratchfs::bench {

template <typename Run>
double seconds(Run run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double gigabytes_per_second(std::uint64_t bytes, double taken) {
  return static_cast<double>(bytes) / taken / 1e9;
}

// For an even number of values the mean of the middle two. REQUIRES: `values` is not empty.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 != 0) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

struct Batches {
  std::size_t count = 0;
  std::size_t size = 0;  // operations per batch: enough to make the clock's cost negligible
};

// Returns the microseconds per operation: the median over the batches. Calls `operation` with 0, 1,
// 2 ...
template <typename Operation>
double microseconds_each(Batches batches, Operation operation) {
  std::vector<double> times;
  std::size_t number = 0;
  for (std::size_t batch = 0; batch < batches.count; ++batch) {
    times.push_back(seconds([&] {
      for (std::size_t i = 0; i < batches.size; ++i) operation(number++);
    }));
  }
  return median(times) * 1e6 / static_cast<double>(batches.size);
}

}  // namespace scratchfs::bench
