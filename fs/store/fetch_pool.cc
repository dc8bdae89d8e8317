#include "fs/store/fetch_pool.h"

#include <algorithm>
#include <new>
#include <utility>

#include "fs/base/background.h"

namespace scratchfs::store {

FetchPool::~FetchPool() {
  std::list<FetchJob> left;
  std::vector<std::thread> threads;
  {
    base::Lock lock(mutex_);
    stopping_ = true;
    left.swap(waiting_);
    threads.swap(threads_);
    if (left_.joinable()) threads.push_back(std::move(left_));
  }
  something_to_do_.notify_all();
  for (FetchJob& job : left) blocks_.give_up(std::move(job));
  for (std::thread& thread : threads) thread.join();
}

bool FetchPool::read_soon(FetchJob& job) {
  base::Lock lock(mutex_);
  if (stopping_) return false;
  if (waiting_.size() >= idle_ && !add_thread() && threads_.empty()) return false;
  try {
    waiting_.push_back(std::move(job));  // a list that throws has not moved it
  } catch (const std::bad_alloc&) {
    return false;
  }
  something_to_do_.notify_one();
  return true;
}

bool FetchPool::add_thread() {
  if (threads_.size() >= kMost) return false;
  try {
    threads_.reserve(threads_.size() + 2);  // one more, so that the destructor can add left_
  } catch (const std::bad_alloc&) {
    return false;
  }
  auto thread = base::start_thread("fetcher", [this] { run(); });
  if (!thread) return false;
  threads_.push_back(*std::move(thread));
  return true;
}

std::size_t FetchPool::threads() {
  base::Lock lock(mutex_);
  return threads_.size();
}

// Waits for a job. Returns false if the calling thread must end.
bool FetchPool::await_job() {
  ++idle_;
  bool came = true;
  while (came && waiting_.empty() && !stopping_)
    came = something_to_do_.wait_for(mutex_, idle_time_);
  --idle_;
  return !waiting_.empty();
}

// Removes the calling thread from the pool. Returns the thread that left before, which the caller
// joins.
std::thread FetchPool::leave() {
  const auto self = std::ranges::find(threads_, std::this_thread::get_id(), &std::thread::get_id);
  if (self == threads_.end()) return {};  // the destructor joins it
  std::thread before = std::exchange(left_, std::move(*self));
  threads_.erase(self);
  return before;
}

void FetchPool::run() {
  base::Lock lock(mutex_);
  while (true) {
    if (!await_job()) {
      std::thread before = leave();
      lock.unlock();
      if (before.joinable()) before.join();
      return;
    }
    FetchJob job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    blocks_.read(std::move(job));
    lock.lock();
  }
}

}  // namespace scratchfs::store
