// Remembered: counts inodes that are gone but that the kernel still remembers. They take memory
// until it forgets them, so they stay charged until then.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "fs/base/mutex.h"

namespace scratchfs::tree {

// Thread-safe; its mutex is a leaf.
class Remembered {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add() { ++count_; }
  // One inode was forgotten, and what it cost has been given back.
  void drop() EXCLUDES(mutex_);
  bool none() const { return count_ == 0; }
  // How often something has been given back so far.
  std::uint64_t given_back() const { return given_back_; }
  // Waits until given_back() exceeds `before`. Returns false if it did not by `deadline`.
  bool wait(std::uint64_t before, Time deadline) EXCLUDES(mutex_);

  // Whether one more inode may be uncharged until the kernel has been notified of its end. If so,
  // the caller must call back() afterwards.
  bool lend();
  void lent() EXCLUDES(mutex_) { note(); }  // the inode is uncharged now
  void back() { --lent_; }

 private:
  // Of all users together; that is a MiB of memory.
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
