// A thread that takes requests from the kernel, with a check whether it is idle.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>

namespace scratchfs::kernel {

// Constructed on the thread itself, which reports when it waits for a request.
class RequestThread {
 public:
  RequestThread();

  void waits() { waiting_.store(true, std::memory_order_release); }
  void goes_on() { waiting_.store(false, std::memory_order_release); }

  // Returns whether the thread sleeps in the kernel with no request in hand. Sending a request
  // wakes the thread at once, so an idle thread has handled every request that was sent to it.
  // Reads /proc; callable from any thread.
  bool is_idle() const;
  // Waits until the thread has been seen idle once; returns false after `deadline`.
  bool was_idle_by(std::chrono::steady_clock::time_point deadline) const;

 private:
  const pid_t thread_;
  std::atomic<bool> waiting_ = false;
};

}  // namespace scratchfs::kernel
