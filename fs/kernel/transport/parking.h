// Where requests go that would have to wait: queues, and workers that may wait.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "fs/base/log_limiter.h"
#include "fs/base/mutex.h"
#include "fs/base/patience.h"
#include "fs/base/result.h"
#include "fs/kernel/transport/parked_bytes.h"

namespace scratchfs::kernel {

// Invariants: the tasks of a lane start in the order they were parked; each is run or refused,
// exactly once. Workers are added while tasks could run and none is idle, up to the limit; one that
// has been idle for kIdle ends, unless it is the last.
class Parking {
 public:
  // What a task may wait for: those that may wait for the disk never take all workers, so that all
  // else goes on while it is stuck (status among it).
  enum class Lane : std::uint8_t { disk, other };
  // Beside those for the disk.
  static constexpr unsigned kOtherWorkers = 8;
  static constexpr std::chrono::seconds kIdle{2};
  // Whoever is sent a signal while he waits, waits so much longer and no more. The kernel does not
  // tell a ^C from a timer's signal that the program handles, and programs do not expect EINTR of a
  // file: with a disk that works they do not see it.
  static constexpr std::chrono::milliseconds kInterruptGrace{500};

  class Task {
   public:
    // `number`: the kernel's of the request, by which it is interrupted; 0: it cannot be.
    // `allowance`: how long it may go without progress; while it is queued, that of the others in
    // its lane counts.
    Task(Lane lane, std::uint64_t number, base::Patience::Clock::duration allowance)
        : lane_(lane), number_(number), patience_(allowance, base::Errno(EIO)) {}
    virtual ~Task() = default;
    // Does the work, waiting as long as patience() allows, and answers.
    virtual void run() = 0;
    // Answers with `error` without doing the work.
    virtual void refuse(base::Errno error) = 0;

    Lane lane() const { return lane_; }
    std::uint64_t number() const { return number_; }
    base::Patience& patience() { return patience_; }

   private:
    const Lane lane_;
    const std::uint64_t number_;
    base::Patience patience_;
  };

  // `max_workers`: for the disk, at least 1.
  explicit Parking(unsigned max_workers, std::chrono::milliseconds idle = kIdle);
  ~Parking();  // drains
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  // Starts a worker, without which the first task would. False: the machine lets no more threads be
  // made.
  bool start() EXCLUDES(mutex_);
  // Never waits. After drain(), or where there is no memory or thread for it, the task is refused
  // on the spot.
  void park(std::unique_ptr<Task> task) EXCLUDES(mutex_);
  // The kernel's INTERRUPT of the request with that number: it is refused (EINTR) where it has not
  // begun, else its patience is cut. It may come before its request is parked, or too late.
  void interrupt(std::uint64_t number) EXCLUDES(mutex_);
  // Refuses what is queued (ENOTCONN), ends the waits of what runs with the same, and waits for
  // that; ends the workers. For good; may be called again.
  void drain() EXCLUDES(mutex_);

  // What tasks keep of the data that they were sent.
  KeptBytes& kept() { return kept_; }
  // Tasks that are queued or running now, and all since the start.
  std::uint64_t parked() const EXCLUDES(mutex_);
  std::uint64_t parked_total() const EXCLUDES(mutex_);
  // Those of one lane.
  std::uint64_t parked(Lane lane) const EXCLUDES(mutex_);
  std::uint64_t parked_total(Lane lane) const EXCLUDES(mutex_);
  std::size_t workers() const EXCLUDES(mutex_);

 private:
  using TaskPointer = std::unique_ptr<Task>;
  struct Queue {
    std::deque<TaskPointer> waiting;
    std::size_t running = 0;
    std::size_t most = 0;                        // that run at once
    std::uint64_t total = 0;                     // that came
    base::Patience::Clock::time_point progress;  // the latest of those that have run
    bool has_next() const { return !waiting.empty() && running < most; }
    std::size_t could_run() const { return std::min(waiting.size(), most - running); }
  };
  // INTERRUPTs without a request: it may be about to park. Numbers never come again.
  static constexpr std::size_t kEarly = 64;

  Queue& queue_of(Lane lane) REQUIRES(mutex_) { return queues_[static_cast<std::size_t>(lane)]; }
  const Queue& queue_of(Lane lane) const REQUIRES(mutex_) {
    return queues_[static_cast<std::size_t>(lane)];
  }
  void work() EXCLUDES(mutex_);
  Queue* await_task() REQUIRES(mutex_);
  std::thread leave() REQUIRES(mutex_);
  bool enqueue(TaskPointer& task) REQUIRES(mutex_);
  bool add_worker() REQUIRES(mutex_);
  Queue* next_queue() REQUIRES(mutex_);
  void note_progress() REQUIRES(mutex_);
  bool was_interrupted(std::uint64_t number) REQUIRES(mutex_);
  TaskPointer take_interrupted(std::uint64_t number) REQUIRES(mutex_);
  TaskPointer take_queued() EXCLUDES(mutex_);

  const std::chrono::milliseconds idle_time_;
  mutable base::Mutex mutex_;
  base::Condition something_to_do_;
  std::array<Queue, 2> queues_ GUARDED_BY(mutex_);
  std::vector<Task*> running_ GUARDED_BY(mutex_);
  std::array<std::uint64_t, kEarly> early_ GUARDED_BY(mutex_){};
  std::size_t next_early_ GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> workers_ GUARDED_BY(mutex_);
  std::thread left_ GUARDED_BY(mutex_);  // the last worker that ended, for the next to join
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  KeptBytes kept_;
  base::LogLimiter log_{std::chrono::seconds(5)};
};

}  // namespace scratchfs::kernel
