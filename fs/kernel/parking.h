// Where requests go that would have to wait: a queue, and workers that may wait.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "fs/base/log_limiter.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"

namespace scratchfs::kernel {

// Invariants: tasks start in the order they were parked; each is run or refused, exactly once.
// Workers are added while tasks wait and none is idle, up to the limit, and then stay until
// drain().
class Parking {
 public:
  class Task {
   public:
    virtual ~Task() = default;
    // Does the work, waiting as long as it takes, and answers.
    virtual void run() = 0;
    // Answers with `error` without doing the work.
    virtual void refuse(base::Errno error) = 0;
  };

  explicit Parking(unsigned max_workers);  // at least 1
  ~Parking();                              // drains
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  // Never waits. After drain(), or where there is no memory or thread for it, the task is refused
  // on the spot.
  void park(std::unique_ptr<Task> task) EXCLUDES(mutex_);
  // Refuses what is queued (ENOTCONN), waits for what runs, ends the workers. For good; may be
  // called again.
  void drain() EXCLUDES(mutex_);

  // Tasks that are queued or running now, and all since the start.
  std::uint64_t parked() const EXCLUDES(mutex_);
  std::uint64_t parked_total() const EXCLUDES(mutex_);

 private:
  void work() EXCLUDES(mutex_);
  bool enqueue(std::unique_ptr<Task>& task) REQUIRES(mutex_);
  bool add_worker() REQUIRES(mutex_);

  const unsigned max_workers_;

  mutable base::Mutex mutex_;
  base::Condition something_to_do_;
  std::deque<std::unique_ptr<Task>> queue_ GUARDED_BY(mutex_);
  std::vector<std::thread> workers_ GUARDED_BY(mutex_);
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  std::uint64_t running_ GUARDED_BY(mutex_) = 0;
  std::uint64_t total_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  base::LogLimiter log_{std::chrono::seconds(5)};
};

}  // namespace scratchfs::kernel
