// SweepThread: the thread that does sweeps in pieces and in turns.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <thread>
#include <vector>

#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/lifetime/claims.h"
#include "fs/lifetime/deletion_reason.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// The work that is left after inodes have lost a holder.
struct Sweep {
  lifetime::Cause cause = lifetime::kHandleClosed;  // its views are literals, or of `claimant`
  // The claimant that has ended, and the names that it held; null: none has.
  lifetime::ClaimantRef claimant;
  lifetime::Claimant::Names names;
  // The inodes that are still to be checked, each once.
  std::vector<InodeRef> inodes;
  // Directories that have ceased to hold their entries, parents first.
  std::vector<InodeRef> unheld;
  // The position of the walk over the entries of the last of these directories.
  std::uint64_t cookie = 0;
};

// Gives each sweep a turn, so that a large sweep delays a small one by no more than a piece.
// Thread-safe; its mutex is a leaf. add() and defer() do not allocate.
class SweepThread {
 public:
  // Does a piece of a sweep, a few milliseconds long. Returns true if nothing is left of it. If it
  // throws bad_alloc, it is called again in a later turn.
  using Piece = std::function<bool(Sweep&)>;
  explicit SweepThread(Piece piece);  // throws system_error if no thread can be started
  ~SweepThread() { stop(); }
  SweepThread(const SweepThread&) = delete;
  SweepThread& operator=(const SweepThread&) = delete;

  // Moves the sweeps out of `sweeps`.
  void add(std::list<Sweep>& sweeps) EXCLUDES(mutex_);
  // Sweeps an inode that a call could not process for lack of memory.
  void defer(const InodeRef& inode) EXCLUDES(mutex_);
  // Whether everything has been done.
  bool empty() const EXCLUDES(mutex_);
  // Stops the thread and drops what is left. Calling it again does nothing.
  void stop() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  bool next(std::list<Sweep>& turn) EXCLUDES(mutex_);
  void begin_deferred(std::list<Sweep>& turn) EXCLUDES(mutex_);

  const Piece piece_;
  mutable base::Mutex mutex_;
  base::Condition something_to_do_;
  // The two lists take turns. Most sweeps have a single piece: such a sweep waits for at most one
  // piece of a large one for each new sweep before it.
  std::list<Sweep> fresh_ GUARDED_BY(mutex_);
  std::list<Sweep> begun_ GUARDED_BY(mutex_);
  InodeRef deferred_ GUARDED_BY(mutex_);       // linked through Inode::next_deferred
  bool was_fresh_ GUARDED_BY(mutex_) = false;  // the sweep of the last turn was fresh
  bool busy_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  base::MemoryShortage shortage_{"removing what nothing holds"};
  std::thread thread_;
};

}  // namespace scratchfs::tree
