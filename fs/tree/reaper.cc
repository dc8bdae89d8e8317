#include "fs/tree/reaper.h"

#include <new>
#include <utility>

#include "fs/base/background.h"
#include "fs/content/content.h"

namespace scratchfs::tree {

Reaper::~Reaper() {
  std::thread thread;
  {
    base::Lock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  something_to_do_.notify_one();
  if (thread.joinable()) thread.join();
}

void Reaper::free(content::Discarded discarded) {
  if (discarded.bytes() <= content::kMostFreedAtOnce) return;
  try {
    std::list<Work> work;  // destroyed after the lock is released
    work.push_back({store_.freeing(discarded.bytes()), std::move(discarded)});
    base::Lock lock(mutex_);
    if (has_thread()) queue_.splice(queue_.end(), work);
    something_to_do_.notify_one();
  } catch (const std::bad_alloc&) {
    return;  // the destructor of `discarded` has freed it
  }
}

bool Reaper::has_thread() {
  if (thread_.joinable()) return true;
  auto started = base::start_thread("reaper", [this] { run(); });
  if (!started) return false;
  thread_ = *std::move(started);
  return true;
}

void Reaper::run() {
  base::Lock lock(mutex_);
  while (true) {
    while (queue_.empty() && !stopping_) something_to_do_.wait(mutex_);
    if (queue_.empty()) return;
    std::list<Work> work;
    work.splice(work.end(), queue_, queue_.begin());
    lock.unlock();
    Work& now = work.front();
    while (const std::uint64_t bytes = now.discarded.free_some()) now.announced.freed(bytes);
    work.clear();
    lock.lock();
  }
}

}  // namespace scratchfs::tree
