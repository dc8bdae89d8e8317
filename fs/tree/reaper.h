// Reaper: frees the blocks of large files on a thread of its own, so that no handler has to.
#pragma once

#include <list>
#include <thread>

#include "fs/base/mutex.h"
#include "fs/content/discarded.h"
#include "fs/store/store.h"

namespace scratchfs::tree {

// The names and charges of these files are gone already. Allocations that find no room wait for
// what is being freed (Store::freeing()). Its mutex is a leaf.
class Reaper {
 public:
  explicit Reaper(store::Store& store) : store_(store) {}  // outlives it
  // Returns when all is freed.
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // Frees a small file at once, and any file if there is no thread or no memory to queue it.
  void free(content::Discarded discarded) EXCLUDES(mutex_);

 private:
  struct Work {
    store::Freeing announced;  // counts as being freed until the blocks are free
    content::Discarded discarded;
  };
  bool has_thread() REQUIRES(mutex_);
  void run() EXCLUDES(mutex_);

  store::Store& store_;
  base::Mutex mutex_;
  base::Condition something_to_do_;
  std::list<Work> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_ GUARDED_BY(mutex_);  // started for the first large file
};

}  // namespace scratchfs::tree
