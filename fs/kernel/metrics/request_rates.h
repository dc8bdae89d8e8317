// Request counts of the last minute: the difference between now and an earlier snapshot.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <thread>

#include "fs/base/mutex.h"
#include "fs/kernel/metrics/counters.h"

namespace scratchfs::kernel {

struct RecentRequests {
  std::chrono::nanoseconds span{};  // length of the period
  RequestTotals totals{};           // answered in that period
};

// Not thread-safe.
class RecentWindow {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kStep{10};
  static constexpr std::chrono::seconds kSpan{60};

  // All counts are zero at `start`.
  explicit RecentWindow(Moment start) { kept_.push_back({start, nullptr}); }
  // Stores a snapshot. Call it about once every kStep.
  void remember(Moment now, const RequestTotals& totals);
  // Returns the requests answered since kSpan ago, or since the start if that is later.
  RecentRequests recent(Moment now, const RequestTotals& totals) const;

 private:
  struct Kept {
    Moment at;
    std::unique_ptr<const RequestTotals> totals;  // null: all zero
  };
  std::deque<Kept> kept_;  // oldest first; never empty
};

// A RecentWindow with a thread that takes the snapshots. Thread-safe.
class Recent {
 public:
  // Does not own `counters`, which must outlive it.
  explicit Recent(const Counters& counters);
  ~Recent();

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
