// Frees what large files leave behind, so that no handler has to.
#pragma once

#include <list>
#include <thread>

#include "fs/base/mutex.h"
#include "fs/content/discarded.h"
#include "fs/store/store.h"

namespace scratchfs::tree {

// Names and charges are gone by then; this is about blocks alone. Who needs room meanwhile waits
// for it (Store::freeing). Its mutex is a leaf.
class Reaper {
 public:
  explicit Reaper(store::Store& store) : store_(store) {}  // outlives it
  ~Reaper();                                               // when all is freed
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // What is small is freed at once, as is all where there is no thread or memory for more.
  void free(content::Discarded discarded) EXCLUDES(mutex_);

 private:
  struct Work {
    store::Freeing announced;  // until the blocks are free
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
