// DeferredSweeps: inodes that a call could not process for lack of memory after it had taken
// effect.
#pragma once

#include <functional>
#include <thread>

#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// Keeps each inode once. A thread processes them as soon as there is memory. Adding an inode does
// not allocate. Thread-safe; its mutex is a leaf.
class DeferredSweeps {
 public:
  // Processes one inode. If it throws bad_alloc, it is called again for the same inode.
  using Work = std::function<void(const InodeRef&)>;
  explicit DeferredSweeps(Work see_to);  // throws system_error if no thread can be started
  ~DeferredSweeps() { stop(); }
  DeferredSweeps(const DeferredSweeps&) = delete;
  DeferredSweeps& operator=(const DeferredSweeps&) = delete;

  void add(const InodeRef& inode) EXCLUDES(mutex_);
  // Whether every inode has been processed.
  bool empty() const EXCLUDES(mutex_);
  // Stops the thread and drops the inodes that are left. Calling it again does nothing.
  void stop() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  InodeRef wait() EXCLUDES(mutex_);
  InodeRef take_first(InodeRef& list) EXCLUDES(mutex_);

  const Work see_to_;
  mutable base::Mutex mutex_;
  base::Condition something_to_do_;
  InodeRef list_ GUARDED_BY(mutex_);  // linked through Inode::next_left_over
  bool busy_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> stopping_ = false;  // written under the mutex
  base::MemoryShortage shortage_{"removing what nothing holds"};
  std::thread thread_;
};

}  // namespace scratchfs::tree
