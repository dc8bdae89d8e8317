#include "fs/store/fetch_pool.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "fs/base/background.h"

namespace scratchfs::store {

FetchPool::~FetchPool() {
  std::list<FetchJob> left;
  Ahead ahead;
  {
    base::Lock lock(mutex_);
    stopping_ = true;
    left.swap(waiting_);
    ahead.swap(ahead_);
    something_to_do_.notify_all();
  }
  for (FetchJob& job : left) blocks_.give_up(std::move(job));
  for (const auto& held : ahead) let_go(held);
  base::Lock lock(mutex_);
  while (threads_ > 0) something_to_do_.wait(mutex_);
}

void FetchPool::let_go(std::span<Block* const> held) {
  for (Block* block : held) blocks_.unhold(*block);
}

bool FetchPool::read_soon(FetchJob& job) {
  base::Lock lock(mutex_);
  if (stopping_) return false;
  if (waiting_.size() >= idle_ && !add_thread() && threads_ == 0) return false;
  try {
    waiting_.push_back(std::move(job));  // a list that throws has not moved it
  } catch (const std::bad_alloc&) {
    return false;
  }
  something_to_do_.notify_one();
  return true;
}

void FetchPool::read_ahead(Ahead request) noexcept {
  const std::size_t blocks = request.front().size();
  std::size_t wanted = 0;
  {
    base::Lock lock(mutex_);
    if (!stopping_ && blocks_ahead_ + blocks <= kMostBlocksAhead) {
      const std::size_t reads = (blocks + Blocks::kBlocksAhead - 1) / Blocks::kBlocksAhead;
      wanted = std::min(reads, kMostAhead - reading_ahead_);
      while (idle_ < wanted && add_thread()) continue;
      if (threads_ > 0) {
        ahead_.splice(ahead_.end(), request);
        blocks_ahead_ += blocks;
      }
    }
  }
  if (!request.empty()) return let_go(request.front());
  for (; wanted > 0; --wanted) something_to_do_.notify_one();
}

bool FetchPool::add_thread() {
  if (threads_ >= kMost) return false;
  auto thread = base::start_thread("fetcher", [this] { run(); });
  if (!thread) return false;
  thread->detach();  // the destructor waits until threads_ is 0
  ++threads_;
  ++idle_;  // from now on, so that another job does not add a thread for the same reason
  return true;
}

std::size_t FetchPool::threads() {
  base::Lock lock(mutex_);
  return threads_;
}

// Waits for a job. Returns false if the calling thread, which counts as idle until then, must end.
bool FetchPool::await_job() {
  bool came = true;
  while (came && waiting_.empty() && !can_read_ahead() && !stopping_) {
    if (threads_ > kMostAhead) {
      came = something_to_do_.wait_for(mutex_, idle_time_) || threads_ <= kMostAhead;
    } else {
      something_to_do_.wait(mutex_);
    }
  }
  --idle_;
  return !stopping_ && (!waiting_.empty() || can_read_ahead());
}

// Takes the next blocks to read ahead out of the queue and returns them in `held`.
std::span<Block* const> FetchPool::take_ahead(std::span<Block*> held) {
  std::vector<Block*>& first = ahead_.front();
  const std::size_t count = std::min(first.size(), held.size());
  const auto end = first.begin() + static_cast<std::ptrdiff_t>(count);
  std::copy(first.begin(), end, held.begin());
  first.erase(first.begin(), end);
  if (first.empty()) ahead_.pop_front();
  blocks_ahead_ -= count;
  return held.first(count);
}

void FetchPool::run() {
  base::Lock lock(mutex_);
  while (await_job()) {
    if (!waiting_.empty()) {
      FetchJob job = std::move(waiting_.front());
      waiting_.pop_front();
      if (can_read_ahead()) something_to_do_.notify_one();  // this thread could have
      lock.unlock();
      blocks_.read(std::move(job));
      lock.lock();
    } else {
      std::array<Block*, Blocks::kBlocksAhead> memory{};
      const auto held = take_ahead(memory);
      ++reading_ahead_;
      lock.unlock();
      blocks_.fetch_ahead(held);
      let_go(held);
      lock.lock();
      --reading_ahead_;
    }
    ++idle_;
  }
  --threads_;
  if (stopping_) something_to_do_.notify_all();
}

}  // namespace scratchfs::store
