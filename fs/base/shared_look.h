// A slow scan whose result is shared by all who need it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "fs/base/mutex.h"

namespace scratchfs::base {

// Limits a scan to about one part in `rest` of one core, no matter how often and by how many
// threads it is requested. Thread-safe.
template <typename Value>
class SharedLook {
 public:
  using Clock = std::chrono::steady_clock;
  struct Seen {
    std::shared_ptr<const Value> value;
    std::chrono::nanoseconds age{};
  };

  // `look` runs on the thread of one of the callers, one at a time, without a lock held, and may
  // throw. `now` is for tests.
  SharedLook(std::function<Value()> look, int rest,
             std::function<Clock::time_point()> now = Clock::now)
      : look_(std::move(look)), rest_(rest), now_(std::move(now)) {}

  // Runs the scan, or returns the last result if it is younger than `rest` times the duration of
  // that scan. While another thread scans, a result of twice that age is accepted; a caller without
  // one waits for that thread.
  Seen get() EXCLUDES(mutex_) {
    Lock lock(mutex_);
    for (;;) {
      const auto age = now_() - seen_;
      const auto good = (looking_ ? 2 : 1) * rest_ * took_;
      if (last_ != nullptr && age < good) return {last_, age};
      if (!looking_) break;
      ended_.wait(mutex_);
    }
    looking_ = true;
    const Clock::time_point began = now_();
    lock.unlock();
    std::shared_ptr<const Value> value;
    try {
      value = std::make_shared<const Value>(look_());
    } catch (...) {
      lock.lock();
      end_turn();
      throw;
    }
    lock.lock();
    last_ = std::move(value);
    seen_ = now_();
    took_ = seen_ - began;
    end_turn();
    return {last_, {}};
  }

 private:
  void end_turn() REQUIRES(mutex_) {
    looking_ = false;
    ended_.notify_all();
  }

  const std::function<Value()> look_;
  const int rest_;
  const std::function<Clock::time_point()> now_;
  Mutex mutex_;
  Condition ended_;
  bool looking_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<const Value> last_ GUARDED_BY(mutex_);
  Clock::time_point seen_ GUARDED_BY(mutex_);
  Clock::duration took_ GUARDED_BY(mutex_){};
};

}  // namespace scratchfs::base
