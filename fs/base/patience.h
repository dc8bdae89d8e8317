// How long somebody goes on waiting: until a moment, or until it is cut short.
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
  // Until `deadline`; what waits then ends with `late`.
  Patience(Clock::time_point deadline, Errno late) : deadline_(deadline), why_(late.value()) {}
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  // From any thread: it ends in `grace` at the latest, with `why`. The first call counts.
  void cut(Clock::duration grace, Errno why) {
    if (cutting_.exchange(true)) return;
    why_ = why.value();
    deadline_ = std::min(deadline_.load(), Clock::now() + grace);
    cut_.request_stop();
  }
  bool is_cut() const { return cut_.stop_requested(); }

  Clock::time_point deadline() const { return deadline_; }
  // Why there is no more waiting; nullopt: it goes on.
  std::optional<Errno> over() const {
    if (Clock::now() < deadline()) return std::nullopt;
    return Errno(why_);
  }
  // Stopped where it has been cut: the deadline is final then.
  std::stop_token cuts() const { return cut_.get_token(); }

 private:
  std::atomic<Clock::time_point> deadline_{Clock::time_point::max()};
  std::atomic<int> why_{ETIMEDOUT};
  std::atomic<bool> cutting_{false};
  std::stop_source cut_;
};

inline std::optional<Errno> Wait::over() const {
  return patience_ == nullptr ? std::nullopt : patience_->over();
}

}  // namespace scratchfs::base
