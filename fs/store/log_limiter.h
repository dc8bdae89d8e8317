// Keeps a failing disk from filling the log.
#pragma once

#include <atomic>
#include <chrono>

namespace scratchfs::store {

// Thread-safe. Lets one line through per `interval`.
class LogLimiter {
 public:
  explicit LogLimiter(std::chrono::milliseconds interval) : interval_(interval) {}

  bool may_log() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto tick = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    auto next = next_.load(std::memory_order_relaxed);
    return tick >= next && next_.compare_exchange_strong(next, tick + interval_.count());
  }

 private:
  const std::chrono::milliseconds interval_;
  std::atomic<std::chrono::milliseconds::rep> next_{0};
};

}  // namespace scratchfs::store
