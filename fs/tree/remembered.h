// Inodes that are gone and that the kernel still remembers. They stay charged until it forgets
// them, because until then they take memory.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "fs/base/mutex.h"

namespace scratchfs::tree {

// Counts them. Thread-safe; its mutex is a leaf.
class Remembered {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add() { ++count_; }
  // Notes that one was forgotten; what it cost has been given back.
  void drop() EXCLUDES(mutex_);
  bool none() const { return count_ == 0; }
  // How often something was given back so far.
  std::uint64_t given_back() const { return given_back_; }
  // Waits until that is more than `before`. False: not by `deadline`.
  bool wait(std::uint64_t before, Time deadline) EXCLUDES(mutex_);

  // Whether one more may go without charge until the kernel has been told of it; `back` has to be
  // called for it then.
  bool lend();
  void lent() EXCLUDES(mutex_) { note(); }  // it is uncharged by now
  void back() { --lent_; }

 private:
  // A MiB of memory, of all users together.
  static constexpr std::uint64_t kMostLent = 1024;

  void note() EXCLUDES(mutex_);

  std::atomic<std::uint64_t> count_ = 0;
  std::atomic<std::uint64_t> lent_ = 0;
  std::atomic<std::uint64_t> given_back_ = 0;
  std::atomic<unsigned> waiters_ = 0;
  base::Mutex mutex_;
  base::Condition changed_;
};

}  // namespace scratchfs::tree
