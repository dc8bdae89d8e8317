#include "fs/kernel/parking.h"

#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

namespace scratchfs::kernel {

namespace {

// What is left in the queue at the end gets what the kernel itself says once a mount is gone.
constexpr base::Errno kRefused{ENOTCONN};

}  // namespace

Parking::Parking(unsigned max_workers) : max_workers_(std::max(max_workers, 1U)) {}

Parking::~Parking() { drain(); }

void Parking::park(std::unique_ptr<Task> task) {
  base::Errno error = kRefused;
  {
    const base::Lock lock(mutex_);
    if (!closed_) {
      error = base::Errno(ENOMEM);
      if (enqueue(task)) return;
    }
  }
  task->refuse(error);
}

// False, and the task is left where it was, when there is no memory or no thread for it.
bool Parking::enqueue(std::unique_ptr<Task>& task) {
  if (queue_.size() >= idle_ && !add_worker() && workers_.empty()) return false;
  try {
    queue_.push_back(nullptr);
  } catch (const std::bad_alloc&) {
    return false;
  }
  queue_.back() = std::move(task);
  ++total_;
  something_to_do_.notify_one();
  return true;
}

// False when there are as many as there may be, or the system has no more.
bool Parking::add_worker() {
  if (workers_.size() >= max_workers_) return false;
  // Signals are the main thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool added = true;
  try {
    workers_.reserve(workers_.size() + 1);
    workers_.emplace_back([this] { work(); });
  } catch (const std::exception& exception) {
    added = false;
    if (const auto omitted = log_.admit()) {
      spdlog::warn("cannot start a worker beside {}: {}{}", workers_.size(), exception.what(),
                   base::and_more(*omitted));
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return added;
}

void Parking::work() {
  pthread_setname_np(pthread_self(), "parked");
  base::Lock lock(mutex_);
  while (true) {
    ++idle_;
    while (queue_.empty() && !closed_) something_to_do_.wait(mutex_);
    --idle_;
    if (queue_.empty()) return;
    std::unique_ptr<Task> task = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    task->run();
    task.reset();
    lock.lock();
    --running_;
  }
}

void Parking::drain() {
  std::deque<std::unique_ptr<Task>> left;
  std::vector<std::thread> workers;
  {
    const base::Lock lock(mutex_);
    closed_ = true;
    left.swap(queue_);
    workers.swap(workers_);
    something_to_do_.notify_all();
  }
  for (const std::unique_ptr<Task>& task : left) task->refuse(kRefused);
  left.clear();
  for (std::thread& worker : workers) worker.join();
}

std::uint64_t Parking::parked() const {
  const base::Lock lock(mutex_);
  return queue_.size() + running_;
}

std::uint64_t Parking::parked_total() const {
  const base::Lock lock(mutex_);
  return total_;
}

}  // namespace scratchfs::kernel
