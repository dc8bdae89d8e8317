// Sweeper: removes what ended claimants held, in pieces and in turns.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <thread>
#include <vector>

#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/lifetime/claims.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// The work that is left of the end of one claimant.
struct Sweep {
  lifetime::ClaimantRef claimant;
  // The names it held.
  lifetime::Claimant::Names names;
  // The inodes behind the names, each once, that are still to be checked.
  std::vector<InodeRef> held;
  // Directories that have ceased to hold their entries, parents first.
  std::vector<InodeRef> unheld;
  // The position of the walk over the entries of the last of these directories.
  std::uint64_t cookie = 0;
};

// A thread that gives each sweep a turn, so that a large sweep delays a small one by no more than a
// piece. Thread-safe; its mutex is a leaf.
class Sweeper {
 public:
  // Does a piece of a sweep, a few milliseconds long. Returns true if nothing is left of it. If it
  // throws bad_alloc, it is called again in a later turn.
  using Piece = std::function<bool(Sweep&)>;
  explicit Sweeper(Piece piece);  // throws system_error if no thread can be started
  ~Sweeper() { stop(); }
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  // Moves the sweeps out of `sweeps`. Does not allocate.
  void add(std::list<Sweep>& sweeps) EXCLUDES(mutex_);
  // Whether everything has been done.
  bool empty() const EXCLUDES(mutex_);
  // Stops the thread and drops what is left. Calling it again does nothing.
  void stop() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  bool next(std::list<Sweep>& turn) EXCLUDES(mutex_);

  const Piece piece_;
  mutable base::Mutex mutex_;
  base::Condition something_to_do_;
  // The two lists take turns. Most sweeps have a single piece: such a sweep waits for at most one
  // piece of a large one for each new sweep before it.
  std::list<Sweep> fresh_ GUARDED_BY(mutex_);
  std::list<Sweep> begun_ GUARDED_BY(mutex_);
  bool was_fresh_ GUARDED_BY(mutex_) = false;  // the sweep of the last turn was fresh
  bool busy_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  base::MemoryShortage shortage_{"removing what a claimant held"};
  std::thread thread_;
};

}  // namespace scratchfs::tree
