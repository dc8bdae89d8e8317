// Inode: one object of the tree: its attributes, its names, and what holds it.
#pragma once

#include <sys/stat.h>
#include <atomic>
#include <memory>
#include <string>

#include "fs/base/mutex.h"
#include "fs/content/content.h"
#include "fs/lifetime/claims.h"
#include "fs/lifetime/lifetime.h"
#include "fs/quota/ledger.h"
#include "fs/tree/directory.h"
#include "fs/tree/names.h"
#include "fs/tree/object_memory.h"
#include "fs/tree/remembered.h"
#include "fs/tree/types.h"
#include "fs/tree/xattrs.h"

namespace scratchfs::tree {

// Lock order: `directory->mutex` of a directory before `mutex` of the directory itself and of
// anything in it.
class Inode : public std::enable_shared_from_this<Inode> {
 public:
  struct Birth {
    InodeId id = 0;
    mode_t mode = 0;
    dev_t device = 0;
    uid_t uid = 0;
    gid_t gid = 0;
  };
  // `charge` starts empty: the creator must grow it first. The store keeps a regular file's content
  // and counts the bytes of xattrs; it outlives the inode.
  Inode(const Birth& birth, store::Store& store, quota::Ledger& ledger);
  ~Inode();
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  bool is_directory() const { return S_ISDIR(type); }
  bool is_regular() const { return S_ISREG(type); }
  uid_t owner() const EXCLUDES(mutex);
  // Returns the directory of the first name; null if there is no name.
  InodeRef parent() const EXCLUDES(mutex);
  Attributes attributes() const EXCLUDES(mutex);
  Attributes attributes_locked() const REQUIRES(mutex);
  lifetime::LifetimeFacts facts() const REQUIRES(mutex);
  // Whether anything holds the inode.
  bool is_held(lifetime::LifetimeMode mode) const REQUIRES(mutex);
  // Whether every handle may be closed although its RELEASE has not arrived, and the RELEASEs would
  // delete the file. A handle may be closed if it was flushed, or (`with_silent`) if it sends no
  // FLUSH.
  bool is_closing(lifetime::LifetimeMode mode, bool with_silent) const REQUIRES(mutex);
  // Whether a program may have stored into a hole through a mapping: the kernel has read a hole
  // into its page cache, and a handle that can be mapped for writing is open. The kernel writes all
  // pages back when a mapping ends.
  bool may_hide_data() const REQUIRES(mutex);
  // Sets atime to now if `times` and the open(2) `flags` say so.
  void touch_accessed(AccessTimes times, int flags) EXCLUDES(mutex);
  // Set mtime and ctime, or ctime alone, to now.
  void touch_modified() REQUIRES(mutex);
  void touch_changed() REQUIRES(mutex);
  // Clears the set-id bits, as write(2) by an unprivileged caller and chown(2) do. Returns whether
  // the mode changed.
  bool drop_set_ids() REQUIRES(mutex);
  // Removes security.capability, as every change of contents or owner does.
  void drop_capabilities() REQUIRES(mutex);
  // Charges bytes of xattrs to the owner and to the mount's memory. EDQUOT, ENOSPC.
  base::Result<void> pay_for_xattrs(std::uint64_t bytes) REQUIRES(mutex);
  void refund_xattrs(std::uint64_t bytes) REQUIRES(mutex);
  std::uint32_t links() const REQUIRES(mutex);
  // Counts the memory of the inode, with its target, in the mount's budget until the inode is
  // destroyed. Between retire() and its destruction the inode counts in `remembered`. ENOSPC.
  base::Result<void> count_memory(ObjectMemory& memory, Remembered& remembered) EXCLUDES(mutex);
  // Count the memory of one more name, or one less.
  base::Result<void> count_name() REQUIRES(mutex);
  void uncount_name() REQUIRES(mutex);
  // What is charged to the owner besides content: an inode for each name (one for a file without
  // names), xattrs, and the target of a long symlink. Once the inode is gone: an inode for each
  // name that it had, or nothing while the charge is lent.
  std::uint64_t target_charge() const REQUIRES(mutex);
  quota::Usage fixed_usage() const REQUIRES(mutex);
  // Marks the inode as gone and gives back what it no longer uses. The content is freed separately,
  // without this lock. The inode itself stays charged until it is destroyed, which is when the
  // kernel has forgotten it.
  void retire() REQUIRES(mutex);
  // Takes the charge of a gone inode off its owner until the kernel has been notified;
  // take_charge_back() then restores it, whatever the limits are. Returns false, and changes
  // nothing, if it is lent already or too many charges are.
  bool lend_charge() EXCLUDES(mutex);
  void take_charge_back() EXCLUDES(mutex);

  const InodeId id;
  const mode_t type;   // S_IFMT bits
  const dev_t device;  // of a device node (st_rdev)
  const timespec born;
  quota::Charge charge;                             // has its own lock
  const std::unique_ptr<content::Content> content;  // of a regular file; has its own lock
  const std::unique_ptr<Directory> directory;       // of a directory; has its own lock

  mutable base::Mutex mutex{base::Rank::inode};
  std::string target GUARDED_BY(mutex);  // of a symlink; constant until the inode is gone
  mode_t permissions GUARDED_BY(mutex);
  uid_t uid GUARDED_BY(mutex);
  gid_t gid GUARDED_BY(mutex);
  timespec accessed GUARDED_BY(mutex);
  timespec modified GUARDED_BY(mutex);
  timespec changed GUARDED_BY(mutex);
  Xattrs xattrs GUARDED_BY(mutex);
  Names names GUARDED_BY(mutex);
  std::uint32_t handles GUARDED_BY(mutex) = 0;
  std::uint32_t direct_handles GUARDED_BY(mutex) = 0;    // those that are direct
  std::uint32_t mappable_handles GUARDED_BY(mutex) = 0;  // opened with O_RDWR
  bool kept GUARDED_BY(mutex) = false;
  bool maybe_bound GUARDED_BY(mutex) = false;  // a socket that is not yet known to be unbound
  // The inode has been deleted: it can no longer be found or opened. Written under `mutex`, also
  // read without it.
  std::atomic<bool> gone = false;
  // The number of handles that were flushed and not used since. Written under `mutex`, also read
  // without it as a first check.
  std::atomic<std::uint32_t> flushed = 0;
  // The number of handles whose close sends no FLUSH. Written and read as `flushed`.
  std::atomic<std::uint32_t> silent_handles = 0;
  // Incremented when a file that seemed to be closing proves to be alive. This cancels the earlier
  // FLUSHes of its handles.
  std::atomic<std::uint32_t> flush_epoch = 1;
  std::uint32_t flushes GUARDED_BY(mutex) = 0;  // the FLUSHes so far
  // The kernel's page cache may contain pages of holes. What a program stores into them through a
  // mapping is unknown to the daemon until it is written back.
  std::atomic<bool> holes_cached = false;
  // How often data stored through a mapping did not fit into the owner's quota.
  std::atomic<std::uint32_t> losses = 0;
  // Used by SweepThread, whose mutex guards them, and by the tree's destructor.
  InodeRef next_deferred;
  bool is_deferred = false;

 private:
  store::Store& store_;
  ObjectMemory* memory_ = nullptr;  // null: the memory is not counted
  Remembered* remembered_ = nullptr;
  std::size_t further_names_ GUARDED_BY(mutex) = 0;  // those that are counted, without the first
  bool lent_ GUARDED_BY(mutex) = false;              // see lend_charge()
};

}  // namespace scratchfs::tree
