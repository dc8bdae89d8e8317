// Keeps what happens again and again from filling the log.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <string>

namespace scratchfs::base {

// Thread-safe. Lets so many lines through per `interval`, and counts the others:
//
//   if (const auto omitted = limiter.admit())
//     spdlog::warn("no luck with {}{}", name, and_more(*omitted));
class LogLimiter {
 public:
  explicit LogLimiter(std::chrono::milliseconds interval, std::uint64_t lines = 1)
      : interval_(interval), lines_(lines) {}

  // Nothing: the line is to be left out. Else: how many have been since the last that was not.
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
  // The same count, for a last word at the end.
  std::uint64_t take_omitted() { return omitted_.exchange(0); }

 private:
  using Milliseconds = std::chrono::milliseconds::rep;

  const std::chrono::milliseconds interval_;
  const std::uint64_t lines_;
  std::atomic<Milliseconds> next_ = std::numeric_limits<Milliseconds>::min();
  std::atomic<std::uint64_t> admitted_ = 0;  // in this interval
  std::atomic<std::uint64_t> omitted_ = 0;
};

// The end of a line: " (and 12 more)", or nothing, also where there is no memory for it: who logs
// an error must not be ended by that.
inline std::string and_more(std::uint64_t omitted) noexcept {
  if (omitted == 0) return {};
  try {
    return " (and " + std::to_string(omitted) + " more)";
  } catch (const std::bad_alloc&) {
    return {};
  }
}

}  // namespace scratchfs::base
