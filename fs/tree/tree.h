// The file system without the kernel: every operation on names, attributes and contents, and the
// rule of lifetime.
//
// Each function is one system call's work and is atomic towards the others. Permissions are the
// kernel's business (default_permissions); everything else - existence, kinds, limits, lifetimes -
// is decided here. Functions with a Wait parameter answer kWouldBlock with Wait::no where they
// would have to wait for the disk, for memory, or for a file that is just being closed; the same
// call from a worker, which may wait, finishes the work, or ends with the error of its patience. A
// worker's call holds no lock while it waits. docs/locking.md names all locks and their order.
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
#include "fs/tree/handle.h"
#include "fs/tree/id_table.h"
#include "fs/tree/inode.h"
#include "fs/tree/left_overs.h"
#include "fs/tree/notices.h"
#include "fs/tree/reaper.h"
#include "fs/tree/remembered.h"
#include "fs/tree/socket_watch.h"
#include "fs/tree/sweeper.h"
#include "fs/tree/types.h"
#include "fs/tree/wait_budget.h"

namespace scratchfs::tree {

struct TreeOptions {
  limits::LifetimeMode lifetime = limits::LifetimeMode::claimed;
  limits::CreateMode create_mode = limits::CreateMode::owner_only;
  uid_t owner = 0;  // of the root
  gid_t group = 0;
  mode_t root_mode = 01777;  // 0700 for a mount that is not shared
  std::uint64_t max_handles = ~std::uint64_t{0};
  AccessTimes access_times;
  bool private_names = false;  // the root shows a user what is his own; root and `owner` all
};

// What a look-up or a creation finds. The kernel's count of it has been raised by one; forget()
// takes that back.
struct Found {
  InodeRef inode;
  Attributes attributes;
  bool may_vanish = false;  // a close can remove the name: the kernel must ask about it each time
};

struct Opened {
  HandleId handle = 0;
  bool needs_flush = false;  // its close can remove the file, so the kernel must say FLUSH
  bool direct = false;       // the kernel is to pass its page cache by
};

struct Listed {
  InodeId id;
  mode_t type;
  std::string_view name;
  std::uint64_t cookie;  // pass it to list() to go on after this entry
  const InodeRef& inode;
};
// False: the entry did not fit; it comes again next time.
using ListVisitor = std::function<bool(const Listed&)>;

enum class RenameMode : std::uint8_t { replace, no_replace, exchange };  // renameat2(2)

struct TreeStats {
  std::uint64_t inodes = 0;          // that are counted against users
  std::uint64_t deleted_unheld = 0;  // objects that went because nothing held them
  std::array<std::uint64_t, kReasonNames.size()> deleted_for{};  // those, by Reason
};

// The name that an operation took out of the tree, for what is done once its locks are given back.
struct Removed {
  std::unique_ptr<Dentry> name;  // null: none
  bool let_go = false;           // it was the last that was held, and others are left
};

class Lookup;
class Untold;

class Tree {
 public:
  // None of the references is owned; all outlive the tree. `claimants` is started by the tree and
  // stopped at its end.
  Tree(const TreeOptions& options, store::Store& store, limits::Ledger& ledger,
       ClaimantKind& claimants);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  // Whom to tell of names that went by themselves, and whom to ask about requests; nullptr: nobody.
  // Returns when no call to the former ones is under way.
  void set_kernel(KernelNotices* notices, Arrivals* arrivals);

  // Whether handles may pass the kernel's page cache by; not until this says so. Before the first
  // request.
  void allow_direct_io(bool allowed) { direct_io_ = allowed; }

  // From now on a socket is also held while a process has it bound, as `bound` tells. Before the
  // first request.
  void watch_sockets(BoundSockets bound);

  // --- by number
  // --------------------------------------------------------------------------------------------------
  // nullptr: the kernel has no right to that number (it has forgotten it).
  InodeRef find(InodeId id) const;
  std::shared_ptr<Handle> handle(HandleId id) const;
  // The kernel got one more reference to the inode (an entry of readdirplus).
  void count_lookup(const InodeRef& inode);
  void forget(InodeId id, std::uint64_t count);

  // --- names
  // ------------------------------------------------------------------------------------------------------
  // Errors of all: ENOENT, ENOTDIR, ENAMETOOLONG, and as the man page of each call says; ENOENT for
  // a removed directory.
  base::Result<Found> lookup(const InodeRef& directory, std::string_view name, base::Wait wait);
  // mkdir, mknod (of every kind but directories and symlinks): EEXIST, EDQUOT, ENOSPC.
  base::Result<Found> make(const InodeRef& directory, std::string_view name, mode_t mode,
                           dev_t device, const Caller& caller, base::Wait wait);
  base::Result<Found> symlink(const InodeRef& directory, std::string_view name,
                              std::string_view target, const Caller& caller, base::Wait wait);
  // open(O_CREAT): makes and opens a regular file. With O_EXCL in `flags` the name is claimed.
  // Where the name exists and O_EXCL is not given, that file is opened instead. ENFILE as open().
  struct Created {
    Found found;
    Opened opened;
  };
  base::Result<Created> create(const InodeRef& directory, std::string_view name, mode_t mode,
                               int flags, const Caller& caller, base::Wait wait);
  // open(O_TMPFILE): a file without a name.
  base::Result<Created> create_unnamed(const InodeRef& directory, mode_t mode, int flags,
                                       const Caller& caller, base::Wait wait);
  base::Result<Found> link(const InodeRef& inode, const InodeRef& directory, std::string_view name,
                           const Caller& caller, base::Wait wait);
  base::Result<void> unlink(const InodeRef& directory, std::string_view name, base::Wait wait);
  base::Result<void> rmdir(const InodeRef& directory, std::string_view name, base::Wait wait);
  base::Result<void> rename(const InodeRef& from, std::string_view old_name, const InodeRef& to,
                            std::string_view new_name, RenameMode mode, const Caller& caller,
                            base::Wait wait);
  // Shows `viewer` the entries after `cookie` (0: from the start, "." and ".." included), the
  // newest first, each at most once however the directory changes meanwhile; what is made or
  // renamed after the start is not shown. None shown: there are no more. The
  // visitor runs under the directory's lock and may call attributes() and count_lookup(), nothing
  // else of the tree.
  base::Result<void> list(const InodeRef& directory, std::uint64_t cookie, uid_t viewer,
                          const ListVisitor& visit, base::Wait wait);
  // Whether a close can remove a name of this inode, as Found::may_vanish.
  bool may_vanish(const Inode& inode) const;

  // --- attributes
  // -------------------------------------------------------------------------------------------------
  base::Result<Attributes> set_attributes(const InodeRef& inode, const AttributeChange& change,
                                          base::Wait wait);
  base::Result<std::string> xattr(const InodeRef& inode, std::string_view name) const;  // ENODATA
  base::Result<void> set_xattr(const InodeRef& inode, std::string_view name, std::string_view value,
                               XattrSet how);
  base::Result<void> remove_xattr(const InodeRef& inode, std::string_view name);
  std::string xattr_names(const InodeRef& inode) const;
  // A keep mark holds until it is lifted; `system.scratchfs.lifetime`. EINVAL: the root, which
  // holds nothing of what is in it. A directory that is not empty may take long.
  base::Result<void> set_kept(const InodeRef& inode, bool kept, base::Wait wait);
  // `handles: 2; session 1529 (bash), 3 processes; directory /job1`, for people, which takes a look
  // through /proc and so waits; in brief only `handles; a claim; a directory`.
  enum class Detail : bool { brief, full };
  base::Result<std::string> describe_holders(const InodeRef& inode, Detail detail,
                                             base::Wait wait) const;

  // --- handles
  // ----------------------------------------------------------------------------------------------------
  // ESTALE: the file is gone (the kernel then looks the name up again). ENFILE: `user` has, or all
  // have, as many as may be.
  base::Result<Opened> open(const InodeRef& inode, int flags, uid_t user, bool kill_set_ids,
                            base::Wait wait);
  // A descriptor of the handle is closed. EDQUOT: something that was stored through a mapping of
  // the file found no room, and sync() has not told this handle so.
  base::Result<void> flush(Handle& handle);
  // fsync(2), msync(2): the same error, once for each handle.
  base::Result<void> sync(Handle& handle);
  // The handle ends; what nothing holds any more goes.
  void release(HandleId id);

  // --- contents of an open file
  // -----------------------------------------------------------------------------------
  base::Result<std::size_t> read(Handle& handle, std::span<std::byte> into, std::uint64_t offset,
                                 Via via, base::Wait wait);
  // Out of the page cache all is written but what finds no room. Where that is the owner's quota,
  // it succeeds nevertheless: sync() and flush() tell of it.
  base::Result<std::size_t> write(Handle& handle, std::span<const std::byte> from,
                                  std::uint64_t offset, bool kill_set_ids, base::Wait wait);
  // The same for what was stored through a mapping (mapping.cc): it costs a file no privileges, and
  // one page without room does not take the others along.
  base::Result<std::size_t> write_back(Handle& handle, std::span<const std::byte> from,
                                       std::uint64_t offset, base::Wait wait);
  // fallocate(2); EOPNOTSUPP for modes other than allocate, PUNCH_HOLE and ZERO_RANGE.
  base::Result<void> allocate(Handle& handle, int mode, std::uint64_t offset, std::uint64_t length,
                              base::Wait wait);
  // lseek(2) SEEK_DATA, SEEK_HOLE. Where a program may have stored into a hole through a mapping
  // all counts as data.
  base::Result<std::uint64_t> seek(Handle& handle, std::uint64_t offset, int whence);
  base::Result<std::size_t> copy(Handle& from, std::uint64_t from_offset, Handle& to,
                                 std::uint64_t to_offset, std::size_t length, base::Wait wait);
  // A symlink's target, for readlink(2). ESTALE; EINVAL: it is something else.
  base::Result<std::string> read_link(const InodeRef& inode);
  // The handle was used: an earlier FLUSH was not its last word.
  void used(Handle& handle);

  // --- the whole
  // --------------------------------------------------------------------------------------------------
  // For statfs(2): what the caller can have and has, as quotas and the store allow.
  struct Space {
    std::uint64_t bytes, bytes_free, inodes, inodes_free;
  };
  Space space(uid_t caller) const;
  TreeStats stats() const;
  // From now on; what is mounted anew (mount(8), remount) says so.
  void set_access_times(AccessTimes times) { access_times_ = times; }
  // A walk over all objects: about a microsecond for each, longer where much is spilled. Holds no
  // lock for long; not for a handler.
  Census census() const;
  // Recomputes every user's charge from the inodes, what each counts of its names, and what holds
  // it; the lines tell where that differs, and what is there that nothing holds. Nothing may be
  // going on meanwhile.
  std::vector<std::string> audit() const;
  // Whether something is still to be removed: what an ended claimant held, or what waits for
  // memory.
  bool has_left_overs() const { return !sweeper_.empty() || !left_overs_.empty(); }
  // Who holds which ids has changed in the ledger: every charge goes where it belongs now. A walk
  // over all objects, as census(); what is created meanwhile is right, too.
  void charge_holders();

 private:
  // What an operation must wait for, where it meets a closing name.
  struct Blocker {
    InodeRef inode;            // null: nothing
    bool all_handled = false;  // as ClosingGate::is_closing()
    explicit operator bool() const { return inode != nullptr; }
  };
  template <typename Operation>
  auto patiently(base::Wait wait, Operation operation);
  template <typename Operation>
  auto with_inodes_left(uid_t user, base::Wait wait, Operation operation);
  // The inode behind a name that can still be found; nullptr: none, or (with `blocker` set) one
  // that is closing.
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
                          std::span<const ClaimantRef> claims)
      REQUIRES(parent.directory->mutex, inode->mutex);
  static void remove_name(Inode& parent, Inode& inode, Dentry& entry)
      REQUIRES(parent.directory->mutex, inode.mutex);
  static Dentry& attach(Inode& parent, const InodeRef& inode, std::string_view name,
                        const ClaimantRef& claimant)
      REQUIRES(parent.directory->mutex, inode->mutex);
  static void touch(Inode& directory);  // its entries have changed
  base::Result<ClaimantRef> claimant_for(const Inode& parent, std::string_view name, bool exclusive,
                                         const Caller& caller, base::Wait wait);
  void consider_unclaimed(const InodeRef& inode, const ClaimantRef& claimant);
  Opened attach_open(Inode& parent, const InodeRef& inode, std::string_view name, int flags,
                     const ClaimantRef& claimant, HandleRight right)
      REQUIRES(parent.directory->mutex) EXCLUDES(inode->mutex);
  static base::Result<void> add_link(Inode& directory, const InodeRef& inode, std::string_view name,
                                     const ClaimantRef& claimant)
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
  // What a change of contents leaves of a file's privileges. For allocate() and copy() the kernel
  // clears the set-id bits itself, by SETATTR, where the caller may not keep them.
  enum class Privileges : std::uint8_t { kept, set_ids_kept, dropped };
  void touch_written(Inode& inode, Privileges privileges) EXCLUDES(inode.mutex);

  // renaming.cc
  struct Move;
  struct Moved {
    Removed replaced;
    std::vector<InodeRef>
        inodes;  // that lie elsewhere now, so that what holds them may have changed
  };
  base::Result<void> rename_locked(const Move& move, Moved& moved, Blocker& blocker);
  static base::Errno again(const InodeRef& gone, Blocker& blocker);
  static ClaimantRef claiming_mover(const Move& move);
  static ClaimantRef claiming_exchanger(const Move& move);
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
  static Removed take_name(Inode& parent, Dentry& entry) REQUIRES(parent.directory->mutex);
  base::Result<void> remove(const InodeRef& directory, std::string_view name, bool want_directory,
                            base::Wait wait);
  void finish(const Removed& removed);

  // sweeping.cc
  void consider(InodeRef inode, const Cause& cause);
  void look_at(const InodeRef& inode, const Cause& cause, std::vector<InodeRef>& parents);
  void consider_or_leave(const InodeRef& inode, const Cause& cause);
  void let_go_or_leave(const InodeRef& inode, const Cause& cause);
  void refresh_or_leave(const InodeRef& inode, const Cause& cause);
  void see_to_left_over(const InodeRef& inode);
  void refresh(const InodeRef& inode, const Cause& cause);
  void free_content(Inode& inode);
  bool condemn(Inode& inode) REQUIRES(inode.mutex);
  bool is_only_bound(const Inode& inode) const REQUIRES(inode.mutex);
  void remove_condemned(const InodeRef& inode, const Cause& cause, std::vector<InodeRef>& parents);
  InodeRef remove_unheld_directory(const InodeRef& directory, const Cause& cause);
  void note_deleted(const Inode& inode, const std::string& name, const Cause& cause) noexcept;
  bool claimant_ended(ClaimantKey key, std::uint64_t claims);
  template <typename Work>
  void until_there_is_memory(Work work);
  void socket_unbound(const InodeRef& socket);
  bool sweep_some(Sweep& sweep);
  void wait_for_notices();
  void unclaim(const InodeRef& inode, Sweep& sweep, const Cause& cause);
  bool has_to_spread(const Inode& inode) const;
  static bool is_holding(const Inode& directory) EXCLUDES(directory.mutex);
  void refresh_holding(const InodeRef& directory, const Cause& cause);
  bool consider_some(const InodeRef& directory, std::uint64_t& cookie, const Cause& cause);
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
  limits::Ledger& ledger_;
  ClaimantKind& kind_;
  ObjectMemory memory_;
  Remembered remembered_;
  WaitBudget forget_budget_;  // for waits until something is forgotten
  ClaimRegistry claims_;
  ClosingGate gate_;
  HandleBudget handle_budget_;
  Reaper reaper_;
  std::atomic<AccessTimes> access_times_;
  IdTable<Inode> inodes_{kRootId + 1};
  IdTable<Handle> handles_{1};
  InodeRef root_;
  // Taken before any directory, by what moves a directory or changes what directories hold.
  base::Mutex rename_mutex_{base::Rank::rename};
  base::SharedMutex notices_mutex_{base::Rank::notices};  // held while the notices are called
  KernelNotices* notices_ GUARDED_BY(notices_mutex_) = nullptr;
  std::array<std::atomic<std::uint64_t>, kReasonNames.size()> deleted_for_{};
  std::unique_ptr<SocketWatch> sockets_;  // null: nobody can tell what is bound
  base::LogLimiter deletion_log_{std::chrono::seconds(1), kDeletionsLoggedPerSecond};
  base::MemoryShortage shortage_{"noticing that a claimant has ended"};
  std::atomic<bool> direct_io_ = false;
  std::atomic<bool> ending_ = false;
  LeftOvers left_overs_;  // its thread uses the others
  Sweeper sweeper_;       // last: its thread uses these, too
};

}  // namespace scratchfs::tree
