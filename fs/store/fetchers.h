// Threads that read the spilled blocks that somebody waits for, so that who waits can leave.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/store/blocks.h"

namespace scratchfs::store {

// Thread-safe. First come, first served; a thread is added while a read finds none idle, and ends
// when it has been idle for kIdle.
class Fetchers {
 public:
  // So many reads are under way at once; what comes then waits for one of them to end.
  static constexpr std::size_t kMost = 128;
  static constexpr std::chrono::seconds kIdle{2};

  explicit Fetchers(Blocks& blocks, std::chrono::milliseconds idle = kIdle)  // not owned
      : blocks_(blocks), idle_time_(idle) {}
  // Gives up what has not begun, waits for what has.
  ~Fetchers();
  Fetchers(const Fetchers&) = delete;
  Fetchers& operator=(const Fetchers&) = delete;

  // Has it read soon. Never waits. False, and it stays the caller's: there is no memory or no
  // thread for it, or it is the end.
  bool read_soon(FetchJob& job) EXCLUDES(mutex_);
  std::size_t threads() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  bool add_thread() REQUIRES(mutex_);
  bool await_job() REQUIRES(mutex_);
  std::thread leave() REQUIRES(mutex_);

  Blocks& blocks_;
  const std::chrono::milliseconds idle_time_;
  base::Mutex mutex_;
  base::Condition something_to_do_;
  std::list<FetchJob> waiting_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  std::thread left_ GUARDED_BY(mutex_);  // the last thread that ended, for the next to join
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace scratchfs::store
