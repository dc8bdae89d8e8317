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
      const auto number = task->number();
      if (enqueue(task)) {
        if (!was_interrupted(number)) return;
        task = take_interrupted(number);
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
  if (could_run > idle_ && !add_worker() && workers_.empty()) return false;
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

bool Parking::was_interrupted(std::uint64_t number) {
  if (number == 0) return false;
  const auto found = std::ranges::find(early_, number);
  if (found == early_.end()) return false;
  *found = 0;
  return true;
}

void Parking::interrupt(std::uint64_t number) {
  TaskPointer task;
  {
    const base::Lock lock(mutex_);
    task = take_interrupted(number);
  }
  if (task != nullptr) task->refuse(kInterrupted);
}

// Returns the task if it is queued and no worker is free for it. Cuts the wait of a task that runs
// or is about to; otherwise records the number for a task that is yet to come.
Parking::TaskPointer Parking::take_interrupted(std::uint64_t number) {
  for (Queue& queue : queues_) {
    const auto found = std::ranges::find_if(
        queue.waiting, [number](const TaskPointer& task) { return task->number() == number; });
    if (found == queue.waiting.end()) continue;
    const std::size_t free =
        std::min(queue.most - queue.running, workers_.size() - running_.size());
    if (static_cast<std::size_t>(found - queue.waiting.begin()) < free) {
      (*found)->deadline().cancel(kInterruptGrace, kInterrupted);
      return nullptr;
    }
    TaskPointer task = std::move(*found);
    queue.waiting.erase(found);
    return task;
  }
  const auto found = std::ranges::find(running_, number, &Task::number);
  if (found != running_.end()) {
    (*found)->deadline().cancel(kInterruptGrace, kInterrupted);
  } else {
    early_[next_early_++ % kEarly] = number;
  }
  return nullptr;
}

bool Parking::start() {
  const base::Lock lock(mutex_);
  return !workers_.empty() || add_worker();
}

// Returns false at the limit, or if the system has no memory or thread.
bool Parking::add_worker() {
  if (workers_.size() >= queues_[0].most + queues_[1].most) return false;
  base::Errno error{ENOMEM};
  try {
    workers_.reserve(workers_.size() + 2);  // drain() needs one more, for left_
    running_.reserve(workers_.size() + 1);  // a worker has nobody to report a lack of memory to
    auto started = base::start_thread("parked", [this] { work(); });
    if (started) {
      workers_.push_back(*std::move(started));
      return true;
    }
    error = started.error();
  } catch (const std::bad_alloc&) {
  }
  // Without any worker, start() or park() reports the error.
  if (const auto omitted = workers_.empty() ? std::nullopt : log_.admit()) {
    log::warn("cannot start another worker beside {}: {}{}", workers_.size(),
              std::strerror(error.value()), base::and_more(*omitted));
  }
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
    if (waited && workers_.size() > 1) break;
    waited = !something_to_do_.wait_for(mutex_, idle_time_);
  }
  --idle_;
  return closed_ ? nullptr : queue;  // drain() handles what is queued then
}

// Removes the calling worker from the pool. Returns the worker that left before, which the caller
// joins: so all but the last are joined, and nobody else has to wait for that.
std::thread Parking::leave() {
  const auto self = std::ranges::find(workers_, std::this_thread::get_id(), &std::thread::get_id);
  if (self == workers_.end()) return {};  // drain() joins it
  std::thread before = std::exchange(left_, std::move(*self));
  workers_.erase(self);
  return before;
}

void Parking::work() {
  base::Lock lock(mutex_);
  while (true) {
    Queue* const queue = await_task();
    if (queue == nullptr) {
      std::thread before = leave();
      const bool last = !closed_ && workers_.size() <= 1;
      lock.unlock();
      if (before.joinable()) before.join();
      if (last) malloc_trim(0);  // returns what parked requests kept; malloc(3) would not
      return;
    }
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
  std::vector<std::thread> workers;
  {
    const base::Lock lock(mutex_);
    closed_ = true;
    for (Task* const task : running_) task->deadline().cancel({}, kRefused);
    workers.swap(workers_);
    if (left_.joinable()) workers.push_back(std::move(left_));
    something_to_do_.notify_all();
  }
  while (const TaskPointer task = take_queued()) task->refuse(kRefused);
  for (std::thread& worker : workers) worker.join();
}

std::size_t Parking::workers() const {
  const base::Lock lock(mutex_);
  return workers_.size();
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
