// Cancellable deadlines for waits: extended by progress, or cancelled.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>

#include "fs/base/result.h"

namespace scratchfs::base {

// The deadline of one waiter, for one wait at a time; passed as a Wait. Condition::wait() wakes
// when the deadline is cancelled, so the waiter checks over() in its loop.
class CancellableDeadline {
 public:
  using Clock = std::chrono::steady_clock;

  // Never ends. Both constructors may throw bad_alloc.
  CancellableDeadline() = default;
  // Ends when `allowance` passes without progress; the wait then fails with `late`.
  CancellableDeadline(Clock::duration allowance, Errno late)
      : allowance_(allowance), why_(late.value()) {}

  // Ends the wait after at most `grace`, with error `why`. Only the first call has an effect.
  // Thread-safe.
  void cancel(Clock::duration grace, Errno why) {
    if (cancelling_.exchange(true)) return;
    why_ = why.value();
    cancelled_at_ = Clock::now() + grace;
    cancelled_.request_stop();
  }
  bool is_cancelled() const { return cancelled_.stop_requested(); }

  // Records progress at time `when`, from which the allowance counts anew. Never shortens the
  // deadline, nor extends it beyond a cancellation. Thread-safe.
  void progressed(Clock::time_point when = Clock::now()) const {
    auto latest = progress_.load();
    while (latest < when && !progress_.compare_exchange_weak(latest, when)) {
    }
  }
  // Returns the time of the latest progress; initially the time of construction.
  Clock::time_point progress() const { return progress_; }

  Clock::time_point time() const {
    constexpr auto kNever = Clock::time_point::max();
    const auto latest = progress();
    return std::min(cancelled_at_.load(),
                    latest < kNever - allowance_ ? latest + allowance_ : kNever);
  }
  // Returns the error to fail with if the deadline has passed, else nullopt.
  std::optional<Errno> over() const {
    if (Clock::now() < time()) return std::nullopt;
    return Errno(why_);
  }
  // A token that is stopped by cancel().
  std::stop_token cancellation() const { return cancelled_.get_token(); }

 private:
  const Clock::duration allowance_ = Clock::duration::max();
  // Mutable because waiters, who hold only a Wait (a const pointer), record progress, too.
  mutable std::atomic<Clock::time_point> progress_{Clock::now()};
  std::atomic<Clock::time_point> cancelled_at_{Clock::time_point::max()};
  std::atomic<int> why_{ETIMEDOUT};
  std::atomic<bool> cancelling_{false};
  std::stop_source cancelled_;
};

inline std::optional<Errno> Wait::over() const {
  return deadline_ == nullptr ? std::nullopt : deadline_->over();
}
inline void Wait::progressed(std::chrono::steady_clock::time_point when) const {
  if (deadline_ != nullptr) deadline_->progressed(when);
}

}  // namespace scratchfs::base
