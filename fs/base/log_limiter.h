// Rate limit for recurring log lines.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <string>

namespace scratchfs::base {

// Admits a limited number of lines per `interval` and counts the others; see log::limited().
// Thread-safe.
class LogLimiter {
 public:
  explicit LogLimiter(std::chrono::milliseconds interval, std::uint64_t lines = 1)
      : interval_(interval), lines_(lines) {}

  // Returns nullopt if the line must be left out, else the number of lines left out since the last
  // admitted one.
  std::optional<std::uint64_t> admit() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto tick = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    auto next = next_.load(std::memory_order_relaxed);
    if (tick >= next && next_.compare_exchange_strong(next, tick + interval_.count()))
      admitted_ = 0;
    if (admitted_.fetch_add(1) < lines_) return take_omitted();
    ++omitted_;
    return std::nullopt;
  }
  // Returns and resets that number, for a final line.
  std::uint64_t take_omitted() { return omitted_.exchange(0); }

 private:
  using Milliseconds = std::chrono::milliseconds::rep;

  const std::chrono::milliseconds interval_;
  const std::uint64_t lines_;
  std::atomic<Milliseconds> next_ = std::numeric_limits<Milliseconds>::min();
  std::atomic<std::uint64_t> admitted_ = 0;  // in the current interval
  std::atomic<std::uint64_t> omitted_ = 0;
};

// Returns the end of a log line: " (and 12 more)", or nothing if `omitted` is 0. Also returns
// nothing if memory is short, because logging an error must not throw.
inline std::string and_more(std::uint64_t omitted) noexcept {
  if (omitted == 0) return {};
  try {
    return " (and " + std::to_string(omitted) + " more)";
  } catch (const std::bad_alloc&) {
    return {};
  }
}

}  // namespace scratchfs::base
