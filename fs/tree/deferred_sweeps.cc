#include "fs/tree/deferred_sweeps.h"

#include <pthread.h>

#include <utility>

namespace scratchfs::tree {

DeferredSweeps::DeferredSweeps(Work see_to)
    : see_to_(std::move(see_to)), thread_([this] { run(); }) {}

void DeferredSweeps::stop() {
  {
    base::Lock lock(mutex_);
    stopping_ = true;
  }
  something_to_do_.notify_one();
  if (thread_.joinable()) thread_.join();
  // One by one: destroying the list recursively could overflow the stack.
  InodeRef list;
  {
    base::Lock lock(mutex_);
    list = std::move(list_);
  }
  while (list != nullptr) take_first(list);
}

void DeferredSweeps::add(const InodeRef& inode) {
  {
    base::Lock lock(mutex_);
    if (inode->is_left_over) return;
    inode->is_left_over = true;
    inode->next_left_over = std::exchange(list_, inode);
  }
  something_to_do_.notify_one();
}

bool DeferredSweeps::empty() const {
  base::Lock lock(mutex_);
  return list_ == nullptr && !busy_;
}

// Waits for inodes and returns all of them; nullptr when the thread must end.
InodeRef DeferredSweeps::wait() {
  base::Lock lock(mutex_);
  busy_ = false;
  while (list_ == nullptr && !stopping_) something_to_do_.wait(mutex_);
  if (stopping_) return nullptr;
  busy_ = true;
  return std::move(list_);
}

InodeRef DeferredSweeps::take_first(InodeRef& list) {
  base::Lock lock(mutex_);
  InodeRef first = std::move(list);
  first->is_left_over = false;
  list = std::move(first->next_left_over);
  return first;
}

// An inode that fails is added again behind the others, so that one that needs much memory does not
// block those that need little.
void DeferredSweeps::run() {
  pthread_setname_np(pthread_self(), "left-overs");
  while (InodeRef list = wait()) {
    while (list != nullptr) {
      const InodeRef inode = take_first(list);
      if (stopping_) continue;
      if (!shortage_.survives([&] { see_to_(inode); })) add(inode);
    }
  }
}

}  // namespace scratchfs::tree
