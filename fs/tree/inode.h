// One object of the tree: its attributes, its names, and what holds it.
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

class Inode;
using InodeRef = std::shared_ptr<Inode>;

// Lock order: a directory's `directory->mutex` before `mutex` of the directory itself or of
// anything named in it.
class Inode : public std::enable_shared_from_this<Inode> {
 public:
  struct Birth {
    InodeId id = 0;
    mode_t mode = 0;
    dev_t device = 0;
    uid_t uid = 0;
    gid_t gid = 0;
  };
  // `charge` starts with nothing on it: the creator grows it first of all. The store holds a
  // regular file's content, and counts everybody's xattrs; it outlives the inode.
  Inode(const Birth& birth, store::Store& store, limits::Ledger& ledger);
  ~Inode();
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  bool is_directory() const { return S_ISDIR(type); }
  bool is_regular() const { return S_ISREG(type); }
  Attributes attributes() const EXCLUDES(mutex);
  Attributes attributes_locked() const REQUIRES(mutex);
  limits::LifetimeFacts facts() const REQUIRES(mutex);
  // Whether every handle may be closed already although its RELEASE has not come: each has said
  // FLUSH, or (`with_silent`) never says it; and the RELEASEs would delete the file.
  bool is_closing(limits::LifetimeMode mode, bool with_silent) const REQUIRES(mutex);
  // Whether a program may have stored into a hole through a mapping: the kernel has read a hole
  // into its page cache, and a handle is open through which the file can be mapped for writing.
  // When a mapping ends the kernel writes everything back.
  bool may_hide_data() const REQUIRES(mutex);
  // Sets mtime and ctime, or ctime alone, to now.
  void touch_modified() REQUIRES(mutex);
  void touch_changed() REQUIRES(mutex);
  // Takes the set-id bits off, as write(2) does for one who may not set them, and chown(2). Returns
  // whether that changed the mode.
  bool drop_set_ids() REQUIRES(mutex);
  // Removes security.capability, as every change of a file's contents or owner does.
  void drop_capabilities() REQUIRES(mutex);
  // Xattrs cost their owner, and the mount's memory. EDQUOT, ENOSPC.
  base::Result<void> pay_for_xattrs(std::uint64_t bytes) REQUIRES(mutex);
  void refund_xattrs(std::uint64_t bytes) REQUIRES(mutex);
  std::uint32_t links() const REQUIRES(mutex);
  // What it takes in memory itself, target included: counted until its end, and told to
  // `remembered` where the kernel remembers it beyond retire(). ENOSPC.
  base::Result<void> count_memory(ObjectMemory& memory, Remembered& remembered) EXCLUDES(mutex);
  // The same for one more name, or one less.
  base::Result<void> count_name() REQUIRES(mutex);
  void uncount_name() REQUIRES(mutex);
  // Charged besides content: one inode for each name (and for a file without any), xattrs, a long
  // symlink's target. Of one that is gone: an inode for each name that it had then.
  std::uint64_t target_charge() const REQUIRES(mutex);
  limits::Usage fixed_usage() const REQUIRES(mutex);
  // It is gone: gives back all that is freed with that, but for the content, which is freed without
  // this lock. What stays until its end, when the kernel has forgotten it, stays charged.
  void retire() REQUIRES(mutex);
  // For one that is gone, and that the kernel does not know to be: takes its charge off until the
  // kernel was told, and puts it back then, whatever the limits say. False: it stays charged,
  // because too many are lent already.
  bool lend_charge() EXCLUDES(mutex);
  void take_charge_back() EXCLUDES(mutex);

  const InodeId id;
  const mode_t type;   // S_IFMT bits
  const dev_t device;  // of a device node
  const timespec born;
  limits::Charge charge;                            // has its own lock
  const std::unique_ptr<content::Content> content;  // of a regular file; has its own lock
  const std::unique_ptr<Directory> directory;       // of a directory; has its own lock

  mutable base::Mutex mutex{base::Rank::inode};
  std::string target GUARDED_BY(mutex);  // of a symlink; not changed until it is gone
  mode_t permissions GUARDED_BY(mutex);
  uid_t uid GUARDED_BY(mutex);
  gid_t gid GUARDED_BY(mutex);
  timespec accessed GUARDED_BY(mutex);
  timespec modified GUARDED_BY(mutex);
  timespec changed GUARDED_BY(mutex);
  Xattrs xattrs GUARDED_BY(mutex);
  Names names GUARDED_BY(mutex);
  std::uint32_t handles GUARDED_BY(mutex) = 0;
  std::uint32_t direct_handles GUARDED_BY(mutex) = 0;    // those of them that are direct
  std::uint32_t mappable_handles GUARDED_BY(mutex) = 0;  // that can be mapped for writing: O_RDWR
  bool kept GUARDED_BY(mutex) = false;
  bool maybe_bound GUARDED_BY(mutex) = false;  // a socket that was not yet seen to be nobody's
  // The verdict is spoken: it cannot be found or opened any more. Written under `mutex`, read
  // without it as well.
  std::atomic<bool> gone = false;
  // Handles that said FLUSH and nothing since; written under `mutex`, read without it as a first
  // look.
  std::atomic<std::uint32_t> flushed = 0;
  // Handles whose close sends no FLUSH; written and read as `flushed`.
  std::atomic<std::uint32_t> silent_handles = 0;
  // Raised when a file that looked like closing proved to be alive, so that its handles' old
  // FLUSHes count no more.
  std::atomic<std::uint32_t> flush_epoch = 1;
  std::uint32_t flushes GUARDED_BY(mutex) = 0;  // all there were
  // The kernel's page cache may have pages of holes. What a program stores into them through a
  // mapping is not known here until it is written back.
  std::atomic<bool> holes_cached = false;
  // How often something that was stored through a mapping found no room in the owner's quota.
  std::atomic<std::uint32_t> losses = 0;
  // Of LeftOvers, which guards them; and of the tree's end.
  std::shared_ptr<Inode> next_left_over;
  bool is_left_over = false;

 private:
  store::Store& store_;
  ObjectMemory* memory_ = nullptr;  // null: it is not counted
  Remembered* remembered_ = nullptr;
  std::size_t further_names_ GUARDED_BY(mutex) = 0;  // counted, besides the first
  bool lent_ GUARDED_BY(mutex) = false;              // its charge
};

// Adds `claimant` (may be null: nothing happens) to a name of `inode`. bad_alloc changes nothing.
void claim_name(Inode& inode, Dentry& name, const ClaimantRef& claimant) REQUIRES(inode.mutex);
// Takes one claim off, or every one, of a name that is about to go.
void unclaim_name(Inode& inode, Dentry& name, const ClaimantRef& claimant) REQUIRES(inode.mutex);
void unclaim_name(Inode& inode, Dentry& name) REQUIRES(inode.mutex);

}  // namespace scratchfs::tree
