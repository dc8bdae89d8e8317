#include "fs/store/fetchers.h"

#include <new>
#include <utility>

#include "fs/base/background.h"

namespace scratchfs::store {

Fetchers::~Fetchers() {
  std::list<FetchJob> left;
  std::vector<std::thread> threads;
  {
    base::Lock lock(mutex_);
    stopping_ = true;
    left.swap(waiting_);
    threads.swap(threads_);
  }
  something_to_do_.notify_all();
  for (FetchJob& job : left) blocks_.give_up(std::move(job));
  for (std::thread& thread : threads) thread.join();
}

bool Fetchers::read_soon(FetchJob& job) {
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

bool Fetchers::add_thread() {
  if (threads_.size() >= kMost) return false;
  try {
    threads_.reserve(threads_.size() + 1);
  } catch (const std::bad_alloc&) {
    return false;
  }
  auto thread = base::start_thread("fetcher", [this] { run(); });
  if (!thread) return false;
  threads_.push_back(*std::move(thread));
  return true;
}

void Fetchers::run() {
  base::Lock lock(mutex_);
  while (true) {
    ++idle_;
    while (waiting_.empty() && !stopping_) something_to_do_.wait(mutex_);
    --idle_;
    if (waiting_.empty()) return;
    FetchJob job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    blocks_.read(std::move(job));
    lock.lock();
  }
}

}  // namespace scratchfs::store
