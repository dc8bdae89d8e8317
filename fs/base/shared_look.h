// A look that takes time, shared by all who ask for it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "fs/base/mutex.h"

namespace scratchfs::base {

// Thread-safe. Takes one part in `rest` of a core at most, however often and by however many it is
// asked.
template <typename Value>
class SharedLook {
 public:
  using Clock = std::chrono::steady_clock;
  struct Seen {
    std::shared_ptr<const Value> value;
    std::chrono::nanoseconds age{};
  };

  // `look` runs on the thread of whoever asks, one at a time, without a lock, and may throw; `now`
  // is for tests.
  SharedLook(std::function<Value()> look, int rest,
             std::function<Clock::time_point()> now = Clock::now)
      : look_(std::move(look)), rest_(rest), now_(std::move(now)) {}

  // Looks, or tells what was seen last if that is younger than `rest` times what the look took.
  // While another looks, twice that age will do; whoever finds nothing younger waits for him.
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
