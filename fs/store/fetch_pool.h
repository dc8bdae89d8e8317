// A pool of threads that read spilled blocks, so that the requesting threads can stop waiting.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/store/blocks.h"

namespace scratchfs::store {

// Thread-safe. Serves jobs in FIFO order. Adds a thread when a job finds none idle; a thread ends
// after it has been idle for kIdle.
class FetchPool {
 public:
  // Upper bound of concurrent reads; further jobs wait in the queue.
  static constexpr std::size_t kMost = 128;
  static constexpr std::chrono::seconds kIdle{2};

  explicit FetchPool(Blocks& blocks, std::chrono::milliseconds idle = kIdle)  // not owned
      : blocks_(blocks), idle_time_(idle) {}
  // Gives up the jobs in the queue and waits for the reads in progress.
  ~FetchPool();
  FetchPool(const FetchPool&) = delete;
  FetchPool& operator=(const FetchPool&) = delete;

  // Queues a read. Never waits. Returns false, and leaves the job to the caller, if memory or a
  // thread is lacking or the pool is being destroyed.
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
  std::thread left_ GUARDED_BY(mutex_);  // the thread that ended last, for the next one to join
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace scratchfs::store
