// Signal handling of the daemon: SIGTERM and SIGINT end the mount in an orderly way; SIGHUP does
// the same, or runs a handler.
#pragma once

#include <functional>
#include <thread>

#include "fs/base/descriptor.h"
#include "fs/base/memory_shortage.h"

namespace scratchfs::mount {

// Blocks those signals in this thread and the threads it starts, so that only SignalWatch receives
// them. Ignores SIGPIPE and SIGXFSZ; a write beyond RLIMIT_FSIZE then fails with EFBIG instead of
// killing the daemon.
// REQUIRES: the process has no other threads.
void block_signals();

// Returns a signalfd(2) for those signals, opened with `flags`; -1 and errno if that fails.
int open_signals(int flags);

// A thread that calls `stop` for each of those signals, but `hang_up`, unless empty, for SIGHUP.
// Signals that were pending when the watch is created are handled too. If `hang_up` throws
// bad_alloc, it is called again until it succeeds, another signal arrives or the watch ends.
class SignalWatch {
 public:
  explicit SignalWatch(std::function<void()> stop, std::function<void()> hang_up = nullptr);
  ~SignalWatch();  // no call of either runs after this

 private:
  void run();

  const std::function<void()> stop_;
  const std::function<void()> hang_up_;
  const base::Descriptor end_;  // eventfd(2): readable when the thread must return
  base::MemoryShortage shortage_{"what SIGHUP asks for"};
  std::thread thread_;
};

}  // namespace scratchfs::mount
