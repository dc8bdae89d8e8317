// Removes what ended claimants held, a piece of each at a time.
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

// What is left to do after the end of one claimant.
struct Sweep {
  ClaimantRef claimant;
  Claimant::Names names;         // what it held,
  std::vector<InodeRef> held;    // each inode once, as far as it was not looked at yet
  std::vector<InodeRef> unheld;  // directories that hold nothing any more, parents first
  std::uint64_t cookie = 0;      // how far the walk over the entries of the last of them has come
};

// A thread that gives each sweep a turn after the other, so that a large one delays no small one by
// more than a piece. Thread-safe, its mutex is a leaf.
class Sweeper {
 public:
  // Does a piece of a sweep, a few milliseconds long; true: nothing is left of it. May throw
  // bad_alloc: then it is called again in a later turn.
  using Piece = std::function<bool(Sweep&)>;
  explicit Sweeper(Piece piece);  // system_error: no thread could be made
  ~Sweeper() { stop(); }
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  // Takes what is in `sweeps`. Needs no memory.
  void add(std::list<Sweep>& sweeps) EXCLUDES(mutex_);
  // Whether all has been done.
  bool empty() const EXCLUDES(mutex_);
  // Ends the thread, and lets go of what is left. Calling again does nothing.
  void stop() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  bool next(std::list<Sweep>& turn) EXCLUDES(mutex_);

  const Piece piece_;
  mutable base::Mutex mutex_;
  base::Condition something_to_do_;
  // Taken from by turns, so that those of a single piece, which most are, wait for one other at
  // most for each that came before them.
  std::list<Sweep> fresh_ GUARDED_BY(mutex_);
  std::list<Sweep> begun_ GUARDED_BY(mutex_);
  bool was_fresh_ GUARDED_BY(mutex_) = false;  // the one before
  bool busy_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  base::MemoryShortage shortage_{"removing what a claimant held"};
  std::thread thread_;
};

}  // namespace scratchfs::tree
