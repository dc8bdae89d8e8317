// Cancellable deadlines for waits: extended by progress, or cut short.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>

#include "fs/base/result.h"

namespace scratchfs::base {

// The deadline of one waiter, for one wait at a time; passed as a Wait. Condition::wait() wakes
// when the deadline is cut, so the waiter checks over() in its loop.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  // Never ends. Both constructors may throw bad_alloc.
  Patience() = default;
  // Ends when `allowance` passes without progress; the wait then fails with `late`.
  Patience(Clock::duration allowance, Errno late) : allowance_(allowance), why_(late.value()) {}
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  // Ends the wait after at most `grace`, with error `why`. Only the first call has an effect.
  // Thread-safe.
  void cut(Clock::duration grace, Errno why) {
    if (cutting_.exchange(true)) return;
    why_ = why.value();
    cut_at_ = Clock::now() + grace;
    cut_.request_stop();
  }
  bool is_cut() const { return cut_.stop_requested(); }

  // Records progress at time `when`, from which the allowance counts anew. Never shortens the
  // deadline, nor extends it beyond a cut. Thread-safe.
  void progressed(Clock::time_point when = Clock::now()) const {
    auto latest = progress_.load();
    while (latest < when && !progress_.compare_exchange_weak(latest, when)) {
    }
  }
  // Returns the time of the latest progress; initially the time of construction.
  Clock::time_point progress() const { return progress_; }

  Clock::time_point deadline() const {
    constexpr auto kNever = Clock::time_point::max();
    const auto latest = progress();
    return std::min(cut_at_.load(), latest < kNever - allowance_ ? latest + allowance_ : kNever);
  }
  // Returns the error to fail with if the deadline has passed, else nullopt.
  std::optional<Errno> over() const {
    if (Clock::now() < deadline()) return std::nullopt;
    return Errno(why_);
  }
  // A token that is stopped by cut().
  std::stop_token cuts() const { return cut_.get_token(); }

 private:
  const Clock::duration allowance_ = Clock::duration::max();
  // Mutable because waiters, who hold only a Wait (a const pointer), record progress, too.
  mutable std::atomic<Clock::time_point> progress_{Clock::now()};
  std::atomic<Clock::time_point> cut_at_{Clock::time_point::max()};
  std::atomic<int> why_{ETIMEDOUT};
  std::atomic<bool> cutting_{false};
  std::stop_source cut_;
};

inline std::optional<Errno> Wait::over() const {
  return patience_ == nullptr ? std::nullopt : patience_->over();
}
inline void Wait::progressed(std::chrono::steady_clock::time_point when) const {
  if (patience_ != nullptr) patience_->progressed(when);
}

}  // namespace scratchfs::base
