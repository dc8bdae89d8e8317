// Sweeper: deletes what nothing holds, children before parents. docs/semantics.md has the rules.
//
//   a close, a removed name, a rename,       a claimant ends       no memory for one of these
//   a lifted mark, an unbound socket               |                          |
//                |                                 |  in pieces, in turns     |  later
//                |                                 +------- SweepThread ------+
//                v                                               |
//   condemn      under the inode's lock: nothing holds it, so it is gone; from here on nothing can
//                |      find or open it
//                v
//   unlink       each of its names, under the lock of its directory
//                |
//                v
//   notify       the kernel drops its dentries; until it has, it keeps the inode (Untold)
//                |
//                v
//   free         the content, without locks (Reaper)
//                |
//                v
//   parents      a directory that is now empty, and that nothing holds: again from the top
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fs/base/log_limiter.h"
#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/lifetime/claims.h"
#include "fs/lifetime/deletion_reason.h"
#include "fs/tree/inode.h"
#include "fs/tree/linking.h"
#include "fs/tree/notices.h"
#include "fs/tree/reaper.h"
#include "fs/tree/socket_watch.h"
#include "fs/tree/sweep_thread.h"

namespace scratchfs::tree {

// Thread-safe. Callers hold no lock, except where a function says so. A function that cannot report
// an error leaves what it has no memory for to the thread.
class Sweeper {
 public:
  // Owns none of the references; all outlive it.
  Sweeper(lifetime::LifetimeMode mode, lifetime::ClaimRegistry& claims, base::Mutex& rename_mutex,
          Reaper& reaper, NoticeChannel& notices);
  ~Sweeper() { stop(); }
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  // From now on a process that has a socket bound holds it; `bound` returns which sockets are.
  // Called before the first request.
  void watch_sockets(lifetime::BoundSockets bound);
  // Returns nullptr if the kernel cannot tell which sockets are bound.
  const SocketWatch* sockets() const { return sockets_.get(); }
  // Whether something is still to be removed.
  bool has_work() const { return !thread_.empty(); }
  // Fills in what was deleted so far.
  void count(TreeStats& stats) const;
  // Stops the threads and drops what is left. Calling it again does nothing.
  void stop();

  // Called when a claimant has ended. Leaves what it held to the thread. Returns false if the
  // claimant has claimed again since it was checked.
  bool claimant_ended(lifetime::ClaimantKey key, std::uint64_t claims);
  // Finishes the removal of a name: frees the content of a gone inode, and deletes what only this
  // name held: the file under its other names, and a directory that only waited to become empty.
  void finish(const Removed& removed);
  // Updates which directories hold their entries, after the holders of `inode` may have changed,
  // and deletes what nothing holds any more.
  void sweep_below(const InodeRef& inode, const lifetime::Cause& cause);
  // Deletes `inode` if nothing holds it, and then each directory that this leaves empty and unheld.
  void sweep(const InodeRef& inode, const lifetime::Cause& cause);
  // Decides whether a non-directory must be deleted. If so, marks it as gone and returns true;
  // sweep() does the rest. A file without a name goes with its last handle.
  bool condemn(Inode& inode) const REQUIRES(inode.mutex);

 private:
  // Whether a file may have lost a holder but for its handles, so that a close can now delete it.
  enum class Holder : std::uint8_t { same, lost };
  using Parents = std::vector<InodeRef>;  // directories that may have to go, too
  // The names of an inode, each with its directory.
  using Named = std::vector<std::pair<InodeRef, std::string>>;

  void wait_for_notices();
  bool sweep_some(Sweep& sweep);
  void unclaim(const InodeRef& inode, Sweep& sweep);
  bool sweep_entries(Sweep& sweep);
  void remove(InodeRef inode, lifetime::Cause cause, Holder holder);
  void remove_file(const InodeRef& inode, const lifetime::Cause& cause, Holder holder,
                   Parents& parents);
  void remove_names(const InodeRef& inode, Named& names, const lifetime::Cause& cause,
                    Parents& parents);
  void remove_directory(const InodeRef& directory, const lifetime::Cause& cause, Parents& parents);
  void tell_gone(const Inode& parent, const Inode& inode, std::string name,
                 const std::shared_ptr<void>& untold, const lifetime::Cause& cause);
  void log(const Inode& inode, const std::string& name, const lifetime::Cause& cause) noexcept;
  void free_content(Inode& inode);

  static constexpr std::uint64_t kDeletionsLoggedPerSecond = 100;

  const lifetime::LifetimeMode mode_;
  lifetime::ClaimRegistry& claims_;
  base::Mutex& rename_mutex_;
  Reaper& reaper_;
  NoticeChannel& notices_;
  std::array<std::atomic<std::uint64_t>, lifetime::kReasonNames.size()> deleted_for_{};
  base::LogLimiter log_{std::chrono::seconds(1), kDeletionsLoggedPerSecond};
  base::MemoryShortage shortage_{"handling the end of a claimant"};
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<SocketWatch> sockets_;
  SweepThread thread_;  // last: it uses the members above
};

}  // namespace scratchfs::tree
