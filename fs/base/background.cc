#include "fs/base/background.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <new>
#include <system_error>

namespace scratchfs::base {

Result<std::thread> start_thread(const char* name, std::function<void()> body) {
  // A new thread inherits the signal mask, so it can never receive a signal, not even while it
  // starts.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  try {
    thread = std::thread([name, body = std::move(body)] {
      pthread_setname_np(pthread_self(), name);
      body();
    });
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!thread.joinable()) return Errno{EAGAIN};
  return thread;
}

std::size_t number_of_this_thread() {
  static std::atomic<std::size_t> next = 0;
  thread_local const std::size_t number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

}  // namespace scratchfs::base
