#include "fs/tree/sweeper.h"

#include <pthread.h>

#include <utility>

namespace scratchfs::tree {

Sweeper::Sweeper(Piece piece) : piece_(std::move(piece)), thread_([this] { run(); }) {}

void Sweeper::stop() {
  {
    base::Lock lock(mutex_);
    stopping_ = true;
  }
  something_to_do_.notify_one();
  if (thread_.joinable()) thread_.join();
  std::list<Sweep> left;  // destroyed after the lock is released
  base::Lock lock(mutex_);
  left.splice(left.end(), fresh_);
  left.splice(left.end(), begun_);
}

void Sweeper::add(std::list<Sweep>& sweeps) {
  {
    base::Lock lock(mutex_);
    fresh_.splice(fresh_.end(), sweeps);
  }
  something_to_do_.notify_one();
}

bool Sweeper::empty() const {
  base::Lock lock(mutex_);
  return fresh_.empty() && begun_.empty() && !busy_;
}

void Sweeper::run() {
  pthread_setname_np(pthread_self(), "sweeper");
  std::list<Sweep> turn;
  while (next(turn)) {
    bool done = false;
    shortage_.survives([&] { done = piece_(turn.front()); });
    if (done) turn.clear();
  }
}

// Puts back what is left in `turn` and waits for the next sweep. Returns false when the thread must
// end.
bool Sweeper::next(std::list<Sweep>& turn) {
  base::Lock lock(mutex_);
  begun_.splice(begun_.end(), turn);
  busy_ = false;
  while (fresh_.empty() && begun_.empty() && !stopping_) something_to_do_.wait(mutex_);
  if (stopping_) return false;
  busy_ = true;
  const bool fresh = begun_.empty() || (!fresh_.empty() && !was_fresh_);
  was_fresh_ = fresh;
  std::list<Sweep>& from = fresh ? fresh_ : begun_;
  turn.splice(turn.begin(), from, from.begin());
  return true;
}

}  // namespace scratchfs::tree
