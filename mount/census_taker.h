// Counting all files takes time, so those who ask often share what was counted.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "fs/base/mutex.h"
#include "fs/tree/census.h"

namespace scratchfs::mount {

// Thread-safe. Takes a fiftieth of one core at most, however often it is asked.
class CensusTaker {
 public:
  using Clock = std::chrono::steady_clock;
  struct Taken {
    std::shared_ptr<const tree::Census> census;
    std::chrono::nanoseconds age{};
  };

  // `take` runs on the thread of whoever asks, one at a time; `now` is for tests.
  explicit CensusTaker(std::function<tree::Census()> take,
                       std::function<Clock::time_point()> now = Clock::now)
      : take_(std::move(take)), now_(std::move(now)) {}

  // Counts, or answers with the last count if that is younger than fifty times what it took.
  Taken get() EXCLUDES(mutex_);

 private:
  static constexpr int kRest = 50;

  const std::function<tree::Census()> take_;
  const std::function<Clock::time_point()> now_;
  base::Mutex mutex_;
  std::shared_ptr<const tree::Census> last_ GUARDED_BY(mutex_);
  Clock::time_point taken_ GUARDED_BY(mutex_);
  Clock::duration took_ GUARDED_BY(mutex_){};
};

}  // namespace scratchfs::mount
