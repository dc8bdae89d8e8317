// Tree: the file system without the kernel: every operation on names, attributes and contents, and
// the lifetime rule.
//
// Each function does the work of one system call, atomically with respect to the others. The kernel
// checks permissions (default_permissions); everything else is decided here: existence, types,
// limits, lifetimes. Functions with a Wait parameter return kWouldBlock with Wait::no if they would
// have to wait for the disk, for memory, or for a file that is being closed. A worker, which may
// wait, then repeats the call, which finishes the work or returns the error of its deadline. The
// call of a worker holds no lock while it waits. docs/locking.md lists all locks and their order.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fs/base/log_limiter.h"
#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/lifetime/claims.h"
#include "fs/lifetime/deletion_reason.h"
#include "fs/lifetime/lifetime.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "fs/tree/census.h"
#include "fs/tree/closing.h"
#include "fs/tree/create_mode.h"
#include "fs/tree/deferred_sweeps.h"
#include "fs/tree/handle.h"
#include "fs/tree/id_table.h"
#include "fs/tree/inode.h"
#include "fs/tree/notices.h"
#include "fs/tree/reaper.h"
#include "fs/tree/remembered.h"
#include "fs/tree/socket_watch.h"
#include "fs/tree/sweeper.h"
#include "fs/tree/types.h"
#include "fs/tree/wait_budget.h"

namespace scratchfs::tree {

struct TreeOptions {
  lifetime::LifetimeMode lifetime = lifetime::LifetimeMode::claimed;
  tree::CreateMode create_mode = tree::CreateMode::owner_only;
  // The owner and group of the root.
  uid_t owner = 0;
  gid_t group = 0;
  mode_t root_mode = 01777;  // 0700 if the mount is not shared
  std::uint64_t max_handles = ~std::uint64_t{0};
  AccessTimes access_times;
  // In the root a user sees only their own entries; root and `owner` see all.
  bool private_names = false;
};

// The result of a lookup or a creation. The kernel has one more reference to the inode, which
// forget() drops.
struct Found {
  InodeRef inode;
  Attributes attributes;
  // A close can delete the file: the kernel must look the name up each time.
  bool may_vanish = false;
};

struct Opened {
  HandleId handle = 0;
  // A close can delete the file, or must report an error: the kernel must send FLUSH.
  bool needs_flush = false;
  // The kernel must bypass its page cache.
  bool direct = false;
};

struct Listed {
  InodeId id;
  mode_t type;
  std::string_view name;
  // Passing it to list() continues after this entry.
  std::uint64_t cookie;
  const InodeRef& inode;
};
// Returns false if the entry does not fit; it is then shown by the next call.
using ListVisitor = std::function<bool(const Listed&)>;

enum class RenameMode : std::uint8_t { replace, no_replace, exchange };  // renameat2(2)

struct TreeStats {
  std::uint64_t inodes = 0;          // charged to users
  std::uint64_t deleted_unheld = 0;  // objects deleted because nothing held them
  std::array<std::uint64_t, lifetime::kReasonNames.size()> deleted_for{};  // the same by Reason
};

// A name that an operation took out of the tree. What follows is done in finish(), without locks.
struct Removed {
  std::unique_ptr<Dentry> name;  // null: none was taken out
  // It was the last held name of its inode, which has other names.
  bool let_go = false;
};

class Lookup;
class Untold;

class Tree {
 public:
  // Owns none of the references; all outlive the tree. The tree starts `claimants` and stops it in
  // its destructor.
  Tree(const TreeOptions& options, store::Store& store, quota::Ledger& ledger,
       lifetime::ClaimantKind& claimants);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  // Sets whom to notify of names that were deleted, and whom to ask about requests; nullptr:
  // nobody. Returns when no call to the former objects is running.
  void set_kernel(KernelNotices* notices, RequestBarrier* barrier);

  // Whether handles may bypass the kernel's page cache; they do not until this allows it. Called
  // before the first request.
  void allow_direct_io(bool allowed) { direct_io_ = allowed; }

  // From now on a process that has a socket bound holds it; `bound` returns which sockets are.
  // Called before the first request.
  void watch_sockets(lifetime::BoundSockets bound);

  // --- Objects by number ---

  // Returns nullptr if the kernel has no reference to that number (it has forgotten it).
  InodeRef find(InodeId id) const;
  std::shared_ptr<Handle> handle(HandleId id) const;
  // Adds a reference of the kernel to the inode (for an entry of READDIRPLUS).
  void count_lookup(const InodeRef& inode);
  void forget(InodeId id, std::uint64_t count);

  // --- Names ---

  // Errors of all: ENOENT (also for a removed directory), ENOTDIR, ENAMETOOLONG, and those in the
  // man page of each call.
  base::Result<Found> lookup(const InodeRef& directory, std::string_view name, base::Wait wait);
  // mkdir(2), and mknod(2) of every type but symlinks. EEXIST, EDQUOT, ENOSPC.
  base::Result<Found> make(const InodeRef& directory, std::string_view name, mode_t mode,
                           dev_t device, const Caller& caller, base::Wait wait);
  base::Result<Found> symlink(const InodeRef& directory, std::string_view name,
                              std::string_view target, const Caller& caller, base::Wait wait);
  // open(O_CREAT): makes and opens a regular file. With O_EXCL in `flags` the caller claims the
  // name. If the name exists, opens that file instead, or returns EEXIST with O_EXCL. ENFILE as
  // open().
  struct Created {
    Found found;
    Opened opened;
  };
  base::Result<Created> create(const InodeRef& directory, std::string_view name, mode_t mode,
                               int flags, const Caller& caller, base::Wait wait);
  // open(O_TMPFILE): makes and opens a file without a name.
  base::Result<Created> create_unnamed(const InodeRef& directory, mode_t mode, int flags,
                                       const Caller& caller, base::Wait wait);
  base::Result<Found> link(const InodeRef& inode, const InodeRef& directory, std::string_view name,
                           const Caller& caller, base::Wait wait);
  base::Result<void> unlink(const InodeRef& directory, std::string_view name, base::Wait wait);
  base::Result<void> rmdir(const InodeRef& directory, std::string_view name, base::Wait wait);
  base::Result<void> rename(const InodeRef& from, std::string_view old_name, const InodeRef& to,
                            std::string_view new_name, RenameMode mode, const Caller& caller,
                            base::Wait wait);
  // Shows `viewer` the entries after `cookie` (0: from the start, with "." and ".."). The newest
  // come first, and each is shown at most once, however the directory changes meanwhile; what is
  // created or renamed after the start is not shown. If none is shown, there are no more. The
  // visitor runs under the directory's lock: of the tree it may call only attributes() and
  // count_lookup().
  base::Result<void> list(const InodeRef& directory, std::uint64_t cookie, uid_t viewer,
                          const ListVisitor& visit, base::Wait wait);
  // Whether a close can delete the file; see Found::may_vanish.
  bool may_vanish(const Inode& inode) const;

  // --- Attributes ---

  base::Result<Attributes> set_attributes(const InodeRef& inode, const AttributeChange& change,
                                          base::Wait wait);
  base::Result<std::string> xattr(const InodeRef& inode, std::string_view name) const;  // ENODATA
  base::Result<void> set_xattr(const InodeRef& inode, std::string_view name, std::string_view value,
                               XattrSet how);
  base::Result<void> remove_xattr(const InodeRef& inode, std::string_view name);
  std::string xattr_names(const InodeRef& inode) const;
  // Sets or lifts a keep mark, which holds until it is lifted (`system.scratchfs.lifetime`). EINVAL
  // for the root, which holds none of its entries. Takes long for a directory with many entries.
  base::Result<void> set_kept(const InodeRef& inode, bool kept, base::Wait wait);
  // Returns what holds the inode, for people. `full`: `handles: 2; session 1529 (bash), 3
  // processes; directory /job1`, which takes a scan of /proc and so waits. `brief`: only `handles;
  // a claim; a directory`.
  enum class Detail : bool { brief, full };
  base::Result<std::string> describe_holders(const InodeRef& inode, Detail detail,
                                             base::Wait wait) const;

  // --- Handles ---

  // ESTALE: the file is gone (the kernel then looks the name up again). ENFILE: `user`, or all
  // users together, have as many handles open as they may.
  base::Result<Opened> open(const InodeRef& inode, int flags, uid_t user, bool kill_set_ids,
                            base::Wait wait);
  // Notes that a descriptor of the handle is being closed. EDQUOT: data stored through a mapping of
  // the file did not fit into the quota, and sync() has not reported that on this handle.
  base::Result<void> flush(Handle& handle);
  // fsync(2), msync(2). Returns the error that flush() does, once for each handle.
  base::Result<void> sync(Handle& handle);
  // Ends the handle, and deletes what nothing holds any more.
  void release(HandleId id);

  // --- Contents of open files ---

  base::Result<std::size_t> read(Handle& handle, std::span<std::byte> into, std::uint64_t offset,
                                 Via via, base::Wait wait);
  // write(2). Returns the number of bytes written, which is less than `from` has if only a part
  // fits; errors as Content::write(). `kill_set_ids`: the caller may not keep the file's set-id
  // bits.
  base::Result<std::size_t> write(Handle& handle, std::span<const std::byte> from,
                                  std::uint64_t offset, bool kill_set_ids, base::Wait wait);
  // Writes back pages that were stored into through a mapping (mapping.cc). Drops no privileges.
  // Writes every page for which there is room, and succeeds even if the owner's quota has no room
  // for some: sync() and flush() report that. Returns other errors after trying every page.
  base::Result<std::size_t> write_back(Handle& handle, std::span<const std::byte> from,
                                       std::uint64_t offset, base::Wait wait);
  // fallocate(2). EOPNOTSUPP for modes other than allocate, PUNCH_HOLE and ZERO_RANGE.
  base::Result<void> allocate(Handle& handle, int mode, std::uint64_t offset, std::uint64_t length,
                              base::Wait wait);
  // lseek(2) with SEEK_DATA and SEEK_HOLE. While a program may have stored into a hole through a
  // mapping, everything counts as data.
  base::Result<std::uint64_t> seek(Handle& handle, std::uint64_t offset, int whence);
  base::Result<std::size_t> copy(Handle& from, std::uint64_t from_offset, Handle& to,
                                 std::uint64_t to_offset, std::size_t length, base::Wait wait);
  // Returns a symlink's target for readlink(2). ESTALE; EINVAL if it is not a symlink.
  base::Result<std::string> read_link(const InodeRef& inode);
  // The handle was used, so its earlier FLUSH was not its last.
  void used(Handle& handle);

  // --- The whole tree ---

  // For statfs(2): what the caller can have and has left, by quotas and the store.
  struct Space {
    std::uint64_t bytes, bytes_free, inodes, inodes_free;
  };
  Space space(uid_t caller) const;
  TreeStats stats() const;
  // From now on; called when the mount is remounted (mount(8), remount).
  void set_access_times(AccessTimes times) { access_times_ = times; }
  // Walks over all objects: takes about a microsecond for each, more if much is spilled. Holds no
  // lock for long; not for a handler.
  Census census() const;
  // Recomputes every user's charge, the counters of each inode's names, and what holds each inode.
  // Returns a line for each difference, and for each object that nothing holds. Nothing else may
  // run meanwhile.
  std::vector<std::string> audit() const;
  // Whether something is still to be removed: what an ended claimant held, or what could not be
  // processed for lack of memory.
  bool has_deferred_sweeps() const { return !sweeper_.empty() || !deferred_sweeps_.empty(); }
  // Moves every charge to the account that it belongs to. Called when the ledger's mapping of ids
  // to accounts has changed. Walks over all objects, as census(); objects that are created
  // meanwhile are charged correctly, too.
  void charge_holders();

 private:
  // The closing inode that an operation must wait for.
  struct Blocker {
    InodeRef inode;            // null: none
    bool all_handled = false;  // see ClosingGate::is_closing()
    explicit operator bool() const { return inode != nullptr; }
  };
  template <typename Operation>
  auto retry_while_closing(base::Wait wait, Operation operation);
  template <typename Operation>
  auto with_inodes_left(uid_t user, base::Wait wait, Operation operation);
  // Returns the inode behind a name. Returns nullptr if there is none, or it is gone, or (with
  // `blocker` set) it is closing.
  InodeRef live(const Directory& directory, std::string_view name, Blocker& blocker) const
      REQUIRES_SHARED(directory.mutex);

  // listing.cc
  struct Listing;
  bool hides_others(const Inode& directory, uid_t viewer) const;
  void list_some(const Inode& directory, Listing& listing, Blocker& blocker) const;

  // attributes.cc
  base::Result<Attributes> change_attributes(const InodeRef& inode, const AttributeChange& change,
                                             base::Wait wait);

  // audit.cc
  std::vector<InodeRef> all_inodes() const;
  void audit_holding(const Inode& inode, std::vector<std::string>& differences) const;
  void audit_directory(const Inode& directory, std::vector<std::string>& differences) const;

  // creating.cc
  base::Result<void> check_new(Inode& parent, std::string_view name, Blocker& blocker)
      REQUIRES(parent.directory->mutex);
  base::Result<InodeRef> new_inode(mode_t mode, dev_t device, const Inode& parent,
                                   const Caller& caller, std::string_view target = {});
  base::Result<Found> make_any(const InodeRef& directory, std::string_view name, mode_t mode,
                               dev_t device, std::string_view target, const Caller& caller,
                               base::Wait wait);
  static Dentry& add_name(Inode& parent, const InodeRef& inode, std::string_view name,
                          std::span<const lifetime::ClaimantRef> claims)
      REQUIRES(parent.directory->mutex, inode->mutex);
  static void remove_name(Inode& parent, Inode& inode, Dentry& entry)
      REQUIRES(parent.directory->mutex, inode.mutex);
  static Dentry& attach(Inode& parent, const InodeRef& inode, std::string_view name,
                        const lifetime::ClaimantRef& claimant)
      REQUIRES(parent.directory->mutex, inode->mutex);
  static void touch(Inode& directory);  // its entries have changed
  base::Result<lifetime::ClaimantRef> claimant_for(const Inode& parent, std::string_view name,
                                                   bool exclusive, const Caller& caller,
                                                   base::Wait wait);
  void consider_unclaimed(const InodeRef& inode, const lifetime::ClaimantRef& claimant);
  Opened attach_open(Inode& parent, const InodeRef& inode, std::string_view name, int flags,
                     const lifetime::ClaimantRef& claimant, HandleRight right)
      REQUIRES(parent.directory->mutex) EXCLUDES(inode->mutex);
  static base::Result<void> add_link(Inode& directory, const InodeRef& inode, std::string_view name,
                                     const lifetime::ClaimantRef& claimant)
      REQUIRES(directory.directory->mutex, inode->mutex);
  Found found(Lookup& lookup) const;

  // mapping.cc
  static void note_cached(Inode& inode, std::uint64_t offset, std::size_t length);

  // opening.cc
  bool is_direct(const Inode& inode, int flags) const REQUIRES(inode.mutex);
  bool needs_flush(const Inode& inode, int flags) const REQUIRES(inode.mutex);
  Opened new_handle(const InodeRef& inode, int flags, HandleRight right) REQUIRES(inode->mutex);
  base::Result<Opened> open_existing(const InodeRef& inode, int flags, uid_t user,
                                     bool kill_set_ids);
  void touch_accessed(Inode& inode, int flags = 0) const EXCLUDES(inode.mutex);
  // Which privileges of a file a change of its contents leaves. For allocate() and copy() the
  // kernel itself clears the set-id bits, with SETATTR, unless the caller may keep them.
  enum class Privileges : std::uint8_t { kept, set_ids_kept, dropped };
  void touch_written(Inode& inode, Privileges privileges) EXCLUDES(inode.mutex);

  // renaming.cc
  struct Move;
  struct Moved {
    Removed replaced;
    // What was moved, so that what holds it may have changed.
    std::vector<InodeRef> inodes;
  };
  base::Result<void> rename_locked(const Move& move, Moved& moved, Blocker& blocker);
  static base::Errno again(const InodeRef& gone, Blocker& blocker);
  static lifetime::ClaimantRef claiming_mover(const Move& move);
  static lifetime::ClaimantRef claiming_exchanger(const Move& move);
  static bool is_mover_gone(const Move& move);
  static bool exchange(const Move& move);
  static base::Result<bool> replace(const Move& move, const Inode& source, Inode& target,
                                    Removed& removed);
  static bool move_name(const Move& move, const InodeRef& source);

  // holders.cc
  std::string path_of(const InodeRef& directory) const;
  std::string holding_directory(const InodeRef& directory) const;

  // removing.cc
  bool is_held(const Inode& inode) const REQUIRES(inode.mutex);
  static Removed take_name(Inode& parent, Dentry& entry, bool was_held = false)
      REQUIRES(parent.directory->mutex);
  base::Result<void> remove(const InodeRef& directory, std::string_view name, bool want_directory,
                            base::Wait wait);
  void finish(const Removed& removed);

  // sweeping.cc
  void consider(InodeRef inode, const lifetime::Cause& cause);
  void look_at(const InodeRef& inode, const lifetime::Cause& cause, std::vector<InodeRef>& parents);
  void consider_or_leave(const InodeRef& inode, const lifetime::Cause& cause);
  void refresh_or_leave(const InodeRef& inode, const lifetime::Cause& cause);
  void retry_sweep(const InodeRef& inode);
  void refresh(const InodeRef& inode, const lifetime::Cause& cause);
  void free_content(Inode& inode);
  bool condemn(Inode& inode) REQUIRES(inode.mutex);
  bool is_only_bound(const Inode& inode) const REQUIRES(inode.mutex);
  void remove_condemned(const InodeRef& inode, const lifetime::Cause& cause,
                        std::vector<InodeRef>& parents);
  InodeRef remove_unheld_directory(const InodeRef& directory, const lifetime::Cause& cause);
  void note_deleted(const Inode& inode, const std::string& name,
                    const lifetime::Cause& cause) noexcept;
  bool claimant_ended(lifetime::ClaimantKey key, std::uint64_t claims);
  template <typename Work>
  void until_there_is_memory(Work work);
  void socket_unbound(const InodeRef& socket);
  bool sweep_some(Sweep& sweep);
  void wait_for_notices();
  void unclaim(const InodeRef& inode, Sweep& sweep, const lifetime::Cause& cause);
  bool has_to_spread(const Inode& inode) const;
  static bool is_holding(const Inode& directory) EXCLUDES(directory.mutex);
  void refresh_holding(const InodeRef& directory, const lifetime::Cause& cause);
  bool consider_some(const InodeRef& directory, std::uint64_t& cookie,
                     const lifetime::Cause& cause);
  std::vector<InodeRef> update_holding(const InodeRef& directory);
  std::vector<InodeRef> spread_holding(const InodeRef& directory) REQUIRES(rename_mutex_);
  static void hold_entries(Inode& directory, bool holds) REQUIRES(directory.directory->mutex);
  static void spread_holding_to(const InodeRef& directory, std::vector<InodeRef>& changed,
                                std::vector<InodeRef>& to_look_at);
  void hold_again(Inode& directory) REQUIRES(rename_mutex_);
  void unspread_holding(const std::vector<InodeRef>& changed) REQUIRES(rename_mutex_);
  void tell_gone(InodeId parent, InodeId child, std::string name,
                 const std::shared_ptr<Untold>& untold);
  void tell_expired(const InodeRef& inode);
  void tell_mode_changed(InodeId inode);

  void dismantle();

  static constexpr std::uint64_t kDeletionsLoggedPerSecond = 100;

  const TreeOptions options_;
  store::Store& store_;
  quota::Ledger& ledger_;
  lifetime::ClaimantKind& kind_;
  ObjectMemory memory_;
  Remembered remembered_;
  WaitBudget forget_budget_;  // for waits until the kernel forgets inodes
  lifetime::ClaimRegistry claims_;
  ClosingGate gate_;
  HandleBudget handle_budget_;
  Reaper reaper_;
  static_assert(std::atomic<AccessTimes>::is_always_lock_free);
  std::atomic<AccessTimes> access_times_;
  IdTable<Inode> inodes_{kRootId + 1};
  IdTable<Handle> handles_{1};
  InodeRef root_;
  // Locked before any directory, by whatever moves a directory or changes which directories hold
  // their entries.
  base::Mutex rename_mutex_{base::Rank::rename};
  base::SharedMutex notices_mutex_{base::Rank::notices};  // held during calls to notices_
  KernelNotices* notices_ GUARDED_BY(notices_mutex_) = nullptr;
  std::array<std::atomic<std::uint64_t>, lifetime::kReasonNames.size()> deleted_for_{};
  std::unique_ptr<SocketWatch> sockets_;  // null: the kernel cannot tell which sockets are bound
  base::LogLimiter deletion_log_{std::chrono::seconds(1), kDeletionsLoggedPerSecond};
  base::MemoryShortage shortage_{"handling the end of a claimant"};
  std::atomic<bool> direct_io_ = false;
  std::atomic<bool> ending_ = false;
  DeferredSweeps deferred_sweeps_;  // its thread uses the members above
  Sweeper sweeper_;                 // last: its thread uses the members above
};

}  // namespace scratchfs::tree
