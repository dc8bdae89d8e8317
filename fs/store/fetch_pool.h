// A pool of threads that read spilled blocks: those that are requested, so that the requesting
// threads can stop waiting, and those that will be (read-ahead).
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <span>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/store/blocks.h"

namespace scratchfs::store {

// Thread-safe. Serves jobs in FIFO order, and reads ahead when there are none. Adds a thread when a
// job finds none idle; a thread ends after it has been idle for kIdle, but for the last kMostAhead,
// because read-ahead is requested by threads that should not have to start others.
class FetchPool {
 public:
  // Upper bound of concurrent reads; further jobs wait in the queue.
  static constexpr std::size_t kMost = 128;
  static constexpr std::chrono::seconds kIdle{2};
  // Threads that read ahead at once: enough to keep a disk busy.
  static constexpr std::size_t kMostAhead = 3;

  explicit FetchPool(Blocks& blocks, std::chrono::milliseconds idle = kIdle)  // not owned
      : blocks_(blocks), idle_time_(idle) {}
  // Gives up what is queued and waits for the reads in progress.
  ~FetchPool();

  // Queues a read. Never waits. Returns false, and leaves the job to the caller, if memory or a
  // thread is lacking or the pool is being destroyed.
  bool read_soon(FetchJob& job) EXCLUDES(mutex_);
  // Reads the blocks soon, in this order, as far as memory allows. Each block has a hold, which is
  // released afterwards. Drops the request if too much is queued. Never waits or allocates.
  using Ahead = std::list<std::vector<Block*>>;  // with one element
  void read_ahead(Ahead request) noexcept EXCLUDES(mutex_);
  std::size_t threads() EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kMostBlocksAhead = 1024;  // that are queued

  void run() EXCLUDES(mutex_);
  std::span<Block* const> take_ahead(std::span<Block*> held) REQUIRES(mutex_);
  bool can_read_ahead() const REQUIRES(mutex_) {
    return !ahead_.empty() && reading_ahead_ < kMostAhead;
  }
  void let_go(std::span<Block* const> held);
  bool add_thread() REQUIRES(mutex_);
  bool await_job() REQUIRES(mutex_);

  Blocks& blocks_;
  const std::chrono::milliseconds idle_time_;
  base::Mutex mutex_;
  base::Condition something_to_do_;
  std::list<FetchJob> waiting_ GUARDED_BY(mutex_);
  Ahead ahead_ GUARDED_BY(mutex_);                    // no element is empty
  std::size_t blocks_ahead_ GUARDED_BY(mutex_) = 0;   // in ahead_
  std::size_t reading_ahead_ GUARDED_BY(mutex_) = 0;  // threads
  std::size_t threads_ GUARDED_BY(mutex_) = 0;
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace scratchfs::store
