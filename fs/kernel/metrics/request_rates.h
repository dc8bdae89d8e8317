// What the last minute brought: counts are remembered from time to time, and subtracted.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <thread>

#include "fs/base/mutex.h"
#include "fs/kernel/metrics/counters.h"

namespace scratchfs::kernel {

struct RecentRequests {
  std::chrono::nanoseconds span{};  // how long it took
  RequestTotals totals{};           // answered in that time
};

// Not thread-safe.
class RecentWindow {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kStep{10};
  static constexpr std::chrono::seconds kSpan{60};

  // Counting begins at `start` with nothing.
  explicit RecentWindow(Moment start) { kept_.push_back({start, nullptr}); }
  // To be called about once every kStep.
  void remember(Moment now, const RequestTotals& totals);
  // From kSpan ago (or the start, where that is later) until now.
  RecentRequests recent(Moment now, const RequestTotals& totals) const;

 private:
  struct Kept {
    Moment at;
    std::unique_ptr<const RequestTotals> totals;  // null: nothing
  };
  std::deque<Kept> kept_;  // the oldest first; never empty
};

// Thread-safe.
class Recent {
 public:
  // `counters` is not owned and outlives it.
  explicit Recent(const Counters& counters);
  ~Recent();
  Recent(const Recent&) = delete;
  Recent& operator=(const Recent&) = delete;

  RecentRequests requests() const EXCLUDES(mutex_);

 private:
  void work() EXCLUDES(mutex_);

  const Counters& counters_;
  mutable base::Mutex mutex_;
  base::Condition stopping_;
  RecentWindow window_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace scratchfs::kernel
