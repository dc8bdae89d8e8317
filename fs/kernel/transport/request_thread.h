// A thread that takes requests from the kernel, and whether it has nothing to do.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>

namespace scratchfs::kernel {

// Made on the thread itself, which says when it goes to wait for a request.
class Taker {
 public:
  Taker();
  Taker(const Taker&) = delete;
  Taker& operator=(const Taker&) = delete;

  void waits() { waiting_.store(true, std::memory_order_release); }
  void goes_on() { waiting_.store(false, std::memory_order_release); }

  // Whether the thread sleeps in the kernel with no request in hand. A request wakes it the moment
  // it is sent, so then none had been sent to it that it has not handled. Reads /proc; from any
  // thread.
  bool is_idle() const;
  // Waits until it was idle once; false after `deadline`.
  bool was_idle_by(std::chrono::steady_clock::time_point deadline) const;

 private:
  const pid_t thread_;
  std::atomic<bool> waiting_ = false;
};

}  // namespace scratchfs::kernel
