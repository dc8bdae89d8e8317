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

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/lifetime/claims.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "fs/tree/census.h"
#include "fs/tree/closing.h"
#include "fs/tree/handle.h"
#include "fs/tree/id_table.h"
#include "fs/tree/sweeper.h"
#include "fs/tree/wait_budget.h"

namespace scratchfs::tree {

class Lookup;
struct Move;
struct Moved;

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

  // Whether handles may bypass the kernel's page cache; they do not until this allows it, because
  // the kernel might not be able to map such files, or leave stale pages in its cache. Called
  // before the first request.
  void allow_direct_io(bool allowed) { direct_io_ = allowed; }

  // From now on a process that has a socket bound holds it; `bound` returns which sockets are.
  // Called before the first request.
  void watch_sockets(lifetime::BoundSockets bound) { sweeper_.watch_sockets(std::move(bound)); }

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
  // mkdir(2), mknod(2), and for symlink(), which has a target. EEXIST, EDQUOT, ENOSPC.
  base::Result<Found> make(const InodeRef& directory, std::string_view name, mode_t mode,
                           dev_t device, const Caller& caller, base::Wait wait,
                           std::string_view target = {});
  base::Result<Found> symlink(const InodeRef& directory, std::string_view name,
                              std::string_view target, const Caller& caller, base::Wait wait);
  // open(O_CREAT): makes and opens a regular file. With O_EXCL in `flags` the caller claims the
  // name. If the name exists, opens that file instead, or returns EEXIST with O_EXCL. ENFILE as
  // open().
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
  // Writes back pages that were stored into through a mapping. Drops no privileges.
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
  bool has_deferred_sweeps() const { return sweeper_.has_work(); }
  // Moves every charge to the account that it belongs to. Called when the ledger's mapping of ids
  // to accounts has changed. Walks over all objects, as census(); objects that are created
  // meanwhile are charged correctly, too.
  void charge_holders();

 private:
  // Returns the inode behind a name. Returns nullptr if there is none, or it is gone, or (with
  // `blocker` set) it is closing.
  InodeRef live(const Directory& directory, std::string_view name, Blocker& blocker) const
      REQUIRES_SHARED(directory.mutex);
  Found found(Lookup& lookup) const;
  void dismantle();
  // audit.cc
  std::vector<InodeRef> all_inodes() const;
  // creating.cc
  base::Result<void> check_new(Inode& parent, std::string_view name, Blocker& blocker)
      REQUIRES(parent.directory->mutex);
  base::Result<InodeRef> new_inode(mode_t mode, dev_t device, const Inode& parent,
                                   const Caller& caller, std::string_view target = {});
  base::Result<lifetime::ClaimantRef> claimant_for(const Inode& parent, std::string_view name,
                                                   bool exclusive, const Caller& caller,
                                                   base::Wait wait);
  Opened attach_open(Inode& parent, const InodeRef& inode, std::string_view name, int flags,
                     const lifetime::ClaimantRef& claimant, HandleRight right)
      REQUIRES(parent.directory->mutex) EXCLUDES(inode->mutex);
  // forget_wait.h
  template <typename Operation>
  auto with_inodes_left(uid_t user, base::Wait wait, Operation operation);
  // io.cc
  // Which privileges of a file a change of its contents leaves. For allocate() and copy() the
  // kernel itself clears the set-id bits, with SETATTR, unless the caller may keep them.
  enum class Privileges : std::uint8_t { kept, set_ids_kept, dropped };
  void touch_written(Inode& inode, Privileges privileges) EXCLUDES(inode.mutex);
  // opening.cc
  Opened new_handle(const InodeRef& inode, int flags, HandleRight right) REQUIRES(inode->mutex);
  base::Result<Opened> open_existing(const InodeRef& inode, int flags, uid_t user,
                                     bool kill_set_ids);
  // removing.cc
  base::Result<void> remove(const InodeRef& directory, std::string_view name, bool want_directory,
                            base::Wait wait);
  // renaming.cc
  base::Result<void> rename_locked(const Move& move, Moved& moved, Blocker& blocker);

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
  NoticeChannel notices_;
  std::atomic<bool> direct_io_ = false;
  Sweeper sweeper_;  // last: its threads use the members above
};

}  // namespace scratchfs::tree
