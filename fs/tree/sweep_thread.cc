#include "fs/tree/sweep_thread.h"

#include <pthread.h>

#include <utility>

namespace scratchfs::tree {

SweepThread::SweepThread(Piece piece) : piece_(std::move(piece)), thread_([this] { run(); }) {}

void SweepThread::stop() {
  {
    base::Lock lock(mutex_);
    stopping_ = true;
  }
  something_to_do_.notify_one();
  if (thread_.joinable()) thread_.join();
  // Destroyed after the lock is released; the deferred inodes one by one, because recursion could
  // overflow the stack.
  std::list<Sweep> left;
  InodeRef deferred;
  {
    base::Lock lock(mutex_);
    left.splice(left.end(), fresh_);
    left.splice(left.end(), begun_);
    deferred = std::move(deferred_);
  }
  while (deferred != nullptr) deferred = std::move(deferred->next_deferred);
}

void SweepThread::add(std::list<Sweep>& sweeps) {
  {
    base::Lock lock(mutex_);
    fresh_.splice(fresh_.end(), sweeps);
  }
  something_to_do_.notify_one();
}

void SweepThread::defer(const InodeRef& inode) {
  {
    base::Lock lock(mutex_);
    if (inode->is_deferred) return;
    inode->is_deferred = true;
    inode->next_deferred = std::exchange(deferred_, inode);
  }
  something_to_do_.notify_one();
}

bool SweepThread::empty() const {
  base::Lock lock(mutex_);
  return fresh_.empty() && begun_.empty() && deferred_ == nullptr && !busy_;
}

void SweepThread::run() {
  pthread_setname_np(pthread_self(), "sweeper");
  std::list<Sweep> turn;
  while (next(turn)) {
    bool done = false;
    shortage_.survives([&] {
      if (turn.empty()) begin_deferred(turn);
      done = piece_(turn.front());
    });
    if (done) turn.clear();
  }
}

// Puts back what is left in `turn` and waits for the next sweep. Leaves `turn` empty if it is the
// turn of a deferred inode. Returns false when the thread must end.
bool SweepThread::next(std::list<Sweep>& turn) {
  base::Lock lock(mutex_);
  begun_.splice(begun_.end(), turn);
  busy_ = false;
  while (fresh_.empty() && begun_.empty() && deferred_ == nullptr && !stopping_)
    something_to_do_.wait(mutex_);
  if (stopping_) return false;
  busy_ = true;
  const bool some_are_fresh = !fresh_.empty() || deferred_ != nullptr;
  was_fresh_ = begun_.empty() || (some_are_fresh && !was_fresh_);
  std::list<Sweep>& from = was_fresh_ ? fresh_ : begun_;
  if (!from.empty()) turn.splice(turn.begin(), from, from.begin());
  return true;
}

// Makes a sweep of a deferred inode. The cause is no longer known; this is the most frequent one.
void SweepThread::begin_deferred(std::list<Sweep>& turn) {
  std::list<Sweep> sweep(1);
  Sweep& begun = sweep.front();
  begun.inodes.resize(1);
  {
    base::Lock lock(mutex_);
    InodeRef& first = begun.inodes.front();
    first = std::move(deferred_);
    first->is_deferred = false;
    deferred_ = std::move(first->next_deferred);
  }
  if (begun.inodes.front()->is_directory()) begun.cause = lifetime::kLastEntryGone;
  turn.swap(sweep);
}

}  // namespace scratchfs::tree
