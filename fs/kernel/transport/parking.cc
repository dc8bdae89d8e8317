#include "fs/kernel/transport/parking.h"

#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "fs/base/background.h"
#include "fs/base/log.h"
#include "fs/kernel/transport/reply_memory.h"

namespace scratchfs::kernel {

namespace {

// Tasks left at the end get the error that the kernel itself returns once a mount is gone.
constexpr base::Errno kRefused{ENOTCONN};
constexpr base::Errno kInterrupted{EINTR};

}  // namespace

Parking::Parking(unsigned max_workers, std::chrono::milliseconds idle) : idle_time_(idle) {
  const base::Lock lock(mutex_);  // uncontended; satisfies the thread-safety analysis
  queue_of(Lane::disk).most = std::max(max_workers, 1U);
  queue_of(Lane::other).most = kOtherWorkers;
}

Parking::~Parking() { drain(); }

void Parking::park(TaskPointer task) {
  base::Errno error = kRefused;
  {
    const base::Lock lock(mutex_);
    if (!closed_) {
      error = base::Errno(ENOMEM);
      const auto request_id = task->request_id();
      if (enqueue(task)) {
        if (!was_interrupted(request_id)) return;
        task = take_interrupted(request_id);
        if (task == nullptr) return;
        error = kInterrupted;
      }
    }
  }
  task->refuse(error);
}

// Returns false, and leaves the task with the caller, if there is no memory or no thread for it.
bool Parking::enqueue(TaskPointer& task) {
  Queue& queue = queue_of(task->lane());
  std::size_t could_run = queue.running + queue.waiting.size() < queue.most ? 1 : 0;
  for (const Queue& each : queues_) could_run += each.could_run();
  if (could_run > idle_ && !add_worker() && workers_ == 0) return false;
  try {
    queue.waiting.push_back(nullptr);
  } catch (const std::bad_alloc&) {
    return false;
  }
  queue.waiting.back() = std::move(task);
  ++queue.total;
  something_to_do_.notify_one();
  return true;
}

bool Parking::was_interrupted(std::uint64_t request_id) {
  if (request_id == 0) return false;
  const auto found = std::ranges::find(early_, request_id);
  if (found == early_.end()) return false;
  *found = 0;
  return true;
}

void Parking::interrupt(std::uint64_t request_id) {
  TaskPointer task;
  {
    const base::Lock lock(mutex_);
    task = take_interrupted(request_id);
  }
  if (task != nullptr) task->refuse(kInterrupted);
}

// Returns the task if it is queued and no worker is free for it. Cuts the wait of a task that runs
// or is about to; otherwise records the id for a task that is yet to come.
Parking::TaskPointer Parking::take_interrupted(std::uint64_t request_id) {
  for (Queue& queue : queues_) {
    const auto found = std::ranges::find_if(queue.waiting, [request_id](const TaskPointer& task) {
      return task->request_id() == request_id;
    });
    if (found == queue.waiting.end()) continue;
    const std::size_t free = std::min(queue.most - queue.running, workers_ - running_.size());
    if (static_cast<std::size_t>(found - queue.waiting.begin()) < free) {
      (*found)->deadline().cancel(kInterruptGrace, kInterrupted);
      return nullptr;
    }
    TaskPointer task = std::move(*found);
    queue.waiting.erase(found);
    return task;
  }
  const auto found = std::ranges::find(running_, request_id, &Task::request_id);
  if (found != running_.end()) {
    (*found)->deadline().cancel(kInterruptGrace, kInterrupted);
  } else {
    early_[next_early_++ % kEarly] = request_id;
  }
  return nullptr;
}

bool Parking::start() {
  const base::Lock lock(mutex_);
  return workers_ > 0 || add_worker();
}

// Returns false at the limit, or if the system has no memory or thread.
bool Parking::add_worker() {
  if (workers_ >= queues_[0].most + queues_[1].most) return false;
  base::Errno error{ENOMEM};
  try {
    running_.reserve(workers_ + 1);  // a worker has nobody to report a lack of memory to
    auto started = base::start_thread("parked", [this] { work(); });
    if (started) {
      started->detach();  // drain() waits until workers_ is 0
      ++workers_;
      return true;
    }
    error = started.error();
  } catch (const std::bad_alloc&) {
  }
  // Without any worker, start() or park() reports the error.
  if (workers_ > 0)
    log::limited(log_, log::Level::warn, "cannot start another worker beside {}: {}", workers_,
                 std::strerror(error.value()));
  return false;
}

Parking::Queue* Parking::next_queue() {
  const auto found = std::ranges::find_if(queues_, &Queue::has_next);
  return found == queues_.end() ? nullptr : &*found;
}

// Running tasks came before the queued ones, so what they have achieved since a queued task came
// counts as progress for it.
void Parking::note_progress() {
  for (Task* const task : running_) {
    auto& latest = queue_of(task->lane()).progress;
    latest = std::max(latest, task->deadline().progress());
  }
}

// Returns nullptr if the calling worker must end.
Parking::Queue* Parking::await_task() {
  ++idle_;
  Queue* queue = next_queue();
  for (bool waited = false; queue == nullptr && !closed_; queue = next_queue()) {
    if (waited && workers_ > 1) break;
    waited = !something_to_do_.wait_for(mutex_, idle_time_);
  }
  --idle_;
  return closed_ ? nullptr : queue;  // drain() handles what is queued then
}

void Parking::work() {
  base::Lock lock(mutex_);
  while (Queue* const queue = await_task()) {
    TaskPointer task = std::move(queue->waiting.front());
    queue->waiting.pop_front();
    ++queue->running;
    note_progress();
    task->deadline().progressed(queue->progress);
    running_.push_back(task.get());  // add_worker() has reserved room
    lock.unlock();
    task->run();
    lock.lock();
    note_progress();
    std::erase(running_, task.get());
    --queue->running;
    lock.unlock();
    task.reset();
    give_back_large_buffer();
    lock.lock();
  }
  const bool trims = --workers_ <= 1 && !closed_;
  if (closed_) something_to_do_.notify_all();
  lock.unlock();
  if (trims) malloc_trim(0);  // returns the copies of parked requests; malloc(3) would not
}

// Returns nullptr if nothing is queued.
Parking::TaskPointer Parking::take_queued() {
  const base::Lock lock(mutex_);
  for (Queue& queue : queues_) {
    if (queue.waiting.empty()) continue;
    TaskPointer task = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    return task;
  }
  return nullptr;
}

// Allocates nothing, because it cannot report a failure.
void Parking::drain() {
  {
    const base::Lock lock(mutex_);
    closed_ = true;
    for (Task* const task : running_) task->deadline().cancel({}, kRefused);
    something_to_do_.notify_all();
  }
  while (const TaskPointer task = take_queued()) task->refuse(kRefused);
  const base::Lock lock(mutex_);
  while (workers_ > 0) something_to_do_.wait(mutex_);
}

std::size_t Parking::workers() const {
  const base::Lock lock(mutex_);
  return workers_;
}

std::uint64_t Parking::parked() const { return parked(Lane::disk) + parked(Lane::other); }

std::uint64_t Parking::parked(Lane lane) const {
  const base::Lock lock(mutex_);
  const Queue& queue = queue_of(lane);
  return queue.waiting.size() + queue.running;
}

std::uint64_t Parking::parked_total() const {
  return parked_total(Lane::disk) + parked_total(Lane::other);
}

std::uint64_t Parking::parked_total(Lane lane) const {
  const base::Lock lock(mutex_);
  return queue_of(lane).total;
}

}  // namespace scratchfs::kernel
