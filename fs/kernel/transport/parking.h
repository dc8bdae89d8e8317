// Queues for requests that have to wait, and a pool of workers that may block on their behalf.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "fs/base/deadline.h"
#include "fs/base/log_limiter.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/kernel/transport/parked_bytes.h"

namespace scratchfs::kernel {

// Invariants: the tasks of a lane start in the order in which they were parked, and each is run or
// refused exactly once. Workers are added, up to the limit, while tasks could run and none is idle.
// A worker that has been idle for kIdle ends unless it is the last one.
class Parking {
 public:
  // What a task may wait for. Tasks that may wait for the disk never take all workers, so that
  // other requests (status among them) proceed while the disk is stuck.
  enum class Lane : std::uint8_t { disk, other };
  // Workers in addition to those for the disk.
  static constexpr unsigned kOtherWorkers = 8;
  static constexpr std::chrono::seconds kIdle{2};
  // How long a request may go on waiting once its caller has received a signal. The kernel does not
  // distinguish ^C from a timer signal that the program handles, and programs do not expect EINTR
  // from file I/O.
  static constexpr std::chrono::milliseconds kInterruptGrace{500};

  class Task {
   public:
    // `request_id`: the kernel's, used to interrupt the request; 0: it cannot be interrupted.
    // `allowance`: how long it may wait without progress. While it is queued, progress of other
    // tasks in its lane counts.
    Task(Lane lane, std::uint64_t request_id, base::CancellableDeadline::Clock::duration allowance)
        : lane_(lane), request_id_(request_id), deadline_(allowance, base::Errno(EIO)) {}
    virtual ~Task() = default;
    // Does the work, blocking as long as deadline() allows, and replies.
    virtual void run() = 0;
    // Replies with `error` without doing the work.
    virtual void refuse(base::Errno error) = 0;

    Lane lane() const { return lane_; }
    std::uint64_t request_id() const { return request_id_; }
    base::CancellableDeadline& deadline() { return deadline_; }

   private:
    const Lane lane_;
    const std::uint64_t request_id_;
    base::CancellableDeadline deadline_;
  };

  // `max_workers`: limit of workers for the disk, at least 1.
  explicit Parking(unsigned max_workers, std::chrono::milliseconds idle = kIdle);
  ~Parking();  // drains

  // Starts the first worker, which the first task would otherwise start. Returns false if no thread
  // can be created.
  bool start() EXCLUDES(mutex_);
  // Queues a task; never blocks. Refuses it at once after drain(), or if there is no memory or no
  // thread for it.
  void park(std::unique_ptr<Task> task) EXCLUDES(mutex_);
  // Handles the kernel's INTERRUPT of a request: gives its task kInterruptGrace to finish, or
  // refuses it at once (EINTR) if all workers are busy. The INTERRUPT may arrive before its request
  // is parked, or too late.
  void interrupt(std::uint64_t request_id) EXCLUDES(mutex_);
  // Refuses all queued tasks (ENOTCONN), cuts the waits of running tasks with the same error, waits
  // for them, and ends the workers. Permanent; may be called again.
  void drain() EXCLUDES(mutex_);

  // Data copied for the tasks.
  ParkedBytes& copied_bytes() { return copied_bytes_; }
  // Tasks queued or running now, and all tasks since the start.
  std::uint64_t parked() const EXCLUDES(mutex_);
  std::uint64_t parked_total() const EXCLUDES(mutex_);
  // The same for one lane.
  std::uint64_t parked(Lane lane) const EXCLUDES(mutex_);
  std::uint64_t parked_total(Lane lane) const EXCLUDES(mutex_);
  std::size_t workers() const EXCLUDES(mutex_);

 private:
  using TaskPointer = std::unique_ptr<Task>;
  struct Queue {
    std::deque<TaskPointer> waiting;
    std::size_t running = 0;
    std::size_t most = 0;     // limit of running tasks
    std::uint64_t total = 0;  // tasks ever queued
    base::CancellableDeadline::Clock::time_point
        progress;  // latest progress of any task that has run
    bool has_next() const { return !waiting.empty() && running < most; }
    std::size_t could_run() const { return std::min(waiting.size(), most - running); }
  };
  // INTERRUPTs whose request has not been parked yet. The kernel never reuses an id.
  static constexpr std::size_t kEarly = 64;

  Queue& queue_of(Lane lane) REQUIRES(mutex_) { return queues_[static_cast<std::size_t>(lane)]; }
  const Queue& queue_of(Lane lane) const REQUIRES(mutex_) {
    return queues_[static_cast<std::size_t>(lane)];
  }
  void work() EXCLUDES(mutex_);
  Queue* await_task() REQUIRES(mutex_);
  bool enqueue(TaskPointer& task) REQUIRES(mutex_);
  bool add_worker() REQUIRES(mutex_);
  Queue* next_queue() REQUIRES(mutex_);
  void note_progress() REQUIRES(mutex_);
  bool was_interrupted(std::uint64_t request_id) REQUIRES(mutex_);
  TaskPointer take_interrupted(std::uint64_t request_id) REQUIRES(mutex_);
  TaskPointer take_queued() EXCLUDES(mutex_);

  const std::chrono::milliseconds idle_time_;
  mutable base::Mutex mutex_;
  base::Condition something_to_do_;
  std::array<Queue, 2> queues_ GUARDED_BY(mutex_);
  std::vector<Task*> running_ GUARDED_BY(mutex_);
  std::array<std::uint64_t, kEarly> early_ GUARDED_BY(mutex_){};
  std::size_t next_early_ GUARDED_BY(mutex_) = 0;
  std::size_t workers_ GUARDED_BY(mutex_) = 0;
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  ParkedBytes copied_bytes_;
  base::LogLimiter log_{std::chrono::seconds(5)};
};

}  // namespace scratchfs::kernel
