// What a call could not see to for want of memory, once it had had its effect.
#pragma once

#include <functional>
#include <thread>

#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// Each inode once, with a thread that sees to it as soon as there is memory. Leaving something
// needs none. Thread-safe, its mutex is a leaf.
class LeftOvers {
 public:
  // `see_to` may throw bad_alloc: then it is called again for that inode.
  using Work = std::function<void(const InodeRef&)>;
  explicit LeftOvers(Work see_to);  // system_error: no thread could be made
  ~LeftOvers() { stop(); }
  LeftOvers(const LeftOvers&) = delete;
  LeftOvers& operator=(const LeftOvers&) = delete;

  void add(const InodeRef& inode) EXCLUDES(mutex_);
  // Whether all has been seen to.
  bool empty() const EXCLUDES(mutex_);
  // Ends the thread, and lets go of what is left, which nobody sees to then. Calling again does
  // nothing.
  void stop() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  InodeRef wait() EXCLUDES(mutex_);
  InodeRef take_first(InodeRef& list) EXCLUDES(mutex_);

  const Work see_to_;
  mutable base::Mutex mutex_;
  base::Condition something_to_do_;
  InodeRef list_ GUARDED_BY(mutex_);  // through Inode::next_left_over
  bool busy_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> stopping_ = false;  // written under the mutex
  base::MemoryShortage shortage_{"removing what nothing holds"};
  std::thread thread_;
};

}  // namespace scratchfs::tree
