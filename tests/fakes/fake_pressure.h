// FakePressure: a machine that is short of memory on request.
#pragma once

#include <deque>

#include "fs/base/memory_pressure.h"
#include "fs/base/mutex.h"

namespace scratchfs::fakes {

// Does not depend on time: each tell() makes one wait() return.
class FakePressure final : public base::MemoryPressure {
 public:
  void tell(bool is_short) EXCLUDES(mutex_) {
    {
      base::Lock lock(mutex_);
      told_.push_back(is_short);
    }
    changed_.notify_all();
  }

  bool wait(std::optional<std::chrono::milliseconds> /*timeout*/) override EXCLUDES(mutex_) {
    base::Lock lock(mutex_);
    while (told_.empty() && !stopped_) changed_.wait(mutex_);
    if (stopped_) return false;
    const bool is_short = told_.front();
    told_.pop_front();
    return is_short;
  }

  void stop() override EXCLUDES(mutex_) {
    {
      base::Lock lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
  }

 private:
  base::Mutex mutex_;
  base::Condition changed_;
  std::deque<bool> told_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace scratchfs::fakes
