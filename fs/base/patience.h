// How long somebody goes on waiting: as long as something comes of it, or until it is cut short.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>

#include "fs/base/result.h"

namespace scratchfs::base {

// One waiter's, at one thing at a time; told of by a Wait. Conditions that are waited for with it
// wake when it changes, so who waits looks at over() in its loop.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  // For ever. Throws bad_alloc, as the other does.
  Patience() = default;
  // Until `allowance` has passed without progress; what waits then ends with `late`.
  Patience(Clock::duration allowance, Errno late) : allowance_(allowance), why_(late.value()) {}
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  // From any thread: it ends in `grace` at the latest, with `why`. The first call counts.
  void cut(Clock::duration grace, Errno why) {
    if (cutting_.exchange(true)) return;
    why_ = why.value();
    cut_at_ = Clock::now() + grace;
    cut_.request_stop();
  }
  bool is_cut() const { return cut_.stop_requested(); }

  // From any thread: what is waited for has come nearer at `when`, from which the allowance counts
  // anew. Never shortens it, nor prolongs it beyond a cut.
  void progressed(Clock::time_point when = Clock::now()) const {
    auto latest = progress_.load();
    while (latest < when && !progress_.compare_exchange_weak(latest, when)) {
    }
  }
  // The latest progress; at first when it was made.
  Clock::time_point progress() const { return progress_; }

  Clock::time_point deadline() const {
    constexpr auto kNever = Clock::time_point::max();
    const auto latest = progress();
    return std::min(cut_at_.load(), latest < kNever - allowance_ ? latest + allowance_ : kNever);
  }
  // Why there is no more waiting; nullopt: it goes on.
  std::optional<Errno> over() const {
    if (Clock::now() < deadline()) return std::nullopt;
    return Errno(why_);
  }
  // Stopped where it has been cut.
  std::stop_token cuts() const { return cut_.get_token(); }

 private:
  const Clock::duration allowance_ = Clock::duration::max();
  // Who waits notes progress, too, and has no more than a Wait of it.
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
