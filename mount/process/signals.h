// SIGTERM and SIGINT as an orderly end of the mount; SIGHUP as that, or as whatever else it is to
// do.
#pragma once

#include <functional>
#include <thread>

#include "fs/base/memory_shortage.h"

namespace scratchfs::mount {

// Blocks those signals for this thread and all that it starts, so that only SignalWatch sees them;
// ignores SIGPIPE, and SIGXFSZ: a limit on the size of files (setrlimit(2)) then fails a write
// only. Before there is any other thread.
void block_signals();

// signalfd(2) of those signals, with its `flags`; -1 and errno.
int open_signals(int flags);

// A thread that calls `stop` for each of those signals, or `hang_up` (unless empty) for SIGHUP. One
// that came before it was made counts too. `hang_up` may throw bad_alloc: then it is called again,
// until it does not, another signal comes or the watch ends.
class SignalWatch {
 public:
  explicit SignalWatch(std::function<void()> stop, std::function<void()> hang_up = nullptr);
  ~SignalWatch();  // no call of either runs after this
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void run();

  const std::function<void()> stop_;
  const std::function<void()> hang_up_;
  int end_;  // eventfd(2): written to when the thread shall return
  base::MemoryShortage shortage_{"what SIGHUP asks for"};
  std::thread thread_;
};

}  // namespace scratchfs::mount
