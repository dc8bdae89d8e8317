#include "fs/store/read_ahead.h"

#include <algorithm>
#include <new>
#include <utility>

#include "fs/base/background.h"

namespace scratchfs::store {

base::Result<std::unique_ptr<ReadAhead>> ReadAhead::create(Blocks& blocks) {
  std::unique_ptr<ReadAhead> read_ahead(new ReadAhead(blocks));
  read_ahead->threads_.reserve(kThreads);  // so that a started thread is never lost
  for (int i = 0; i < kThreads; ++i) {
    auto thread =
        base::start_thread("read_ahead-ahead", [self = read_ahead.get()] { self->run(); });
    if (!thread) return thread.error();
    read_ahead->threads_.push_back(*std::move(thread));
  }
  return read_ahead;
}

ReadAhead::~ReadAhead() {
  std::list<std::vector<Block*>> left;
  {
    base::Lock lock(mutex_);
    stopping_ = true;
    left.swap(waiting_);
  }
  something_to_do_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  for (const auto& held : left) let_go(held);
}

void ReadAhead::let_go(std::span<Block* const> held) {
  for (Block* block : held) blocks_.unhold(*block);
}

void ReadAhead::read_ahead(std::vector<Block*> held) {
  auto at = held.begin();
  {
    base::Lock lock(mutex_);
    const std::size_t reads = (held.size() + kBlocksPerRead - 1) / kBlocksPerRead;
    if (!stopping_ && waiting_.size() + reads <= kMostWaiting) at = enqueue(held);
  }
  something_to_do_.notify_all();
  let_go({at, held.end()});
}

// Queues the blocks. Returns an iterator to the first one that was not queued for lack of memory.
std::vector<Block*>::iterator ReadAhead::enqueue(std::vector<Block*>& held) {
  auto at = held.begin();
  try {
    while (at != held.end()) {
      const auto end = at + std::min<std::ptrdiff_t>(kBlocksPerRead, held.end() - at);
      waiting_.emplace_back(at, end);
      at = end;
    }
  } catch (const std::bad_alloc&) {
  }
  return at;
}

void ReadAhead::run() {
  while (true) {
    std::vector<Block*> held;
    {
      base::Lock lock(mutex_);
      while (waiting_.empty() && !stopping_) something_to_do_.wait(mutex_);
      if (stopping_) return;
      held = std::move(waiting_.front());
      waiting_.pop_front();
    }
    // No retry: nobody has requested these blocks yet.
    memory_.survives([&] { blocks_.fetch_ahead(held); });
    let_go(held);
  }
}

}  // namespace scratchfs::store
