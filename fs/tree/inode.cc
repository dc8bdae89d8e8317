#include "fs/tree/inode.h"

#include <fcntl.h>

#include <algorithm>

#include "fs/base/clock.h"

namespace scratchfs::tree {

namespace {

// The size of a directory as on tmpfs: this much for each entry, "." and ".." included.
constexpr std::uint64_t kBytesPerEntry = 20;
// A symlink's target of up to this many bytes is not charged.
constexpr std::size_t kFreeTarget = 128;
constexpr time_t kRelatimeAge = 24 * 60 * 60;  // mount(8): relatime

bool before(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

}  // namespace

Inode::Inode(const Birth& birth, store::Store& store, quota::Ledger& ledger)
    : id(birth.id),
      type(birth.mode & S_IFMT),
      device(birth.device),
      born(base::now()),
      charge(ledger, ledger.account(birth.uid)),
      content(S_ISREG(birth.mode) ? std::make_unique<content::Content>(store, charge) : nullptr),
      directory(S_ISDIR(birth.mode) ? std::make_unique<Directory>() : nullptr),
      permissions(birth.mode & 07777),
      uid(birth.uid),
      gid(birth.gid),
      accessed(born),
      modified(born),
      changed(born),
      store_(store) {}

Inode::~Inode() {
  store_.remove_small(xattrs.charged());
  if (memory_ == nullptr) return;
  memory_->give(kInodeBytes + target.size() + further_names_ * kNameBytes);
  if (!gone) return;
  charge.shrink({.bytes = 0, .inodes = charge.usage().inodes});
  remembered_->drop();
}

base::Result<void> Inode::count_memory(ObjectMemory& memory, Remembered& remembered) {
  base::Lock lock(mutex);
  if (const auto taken = memory.take(kInodeBytes + target.size()); !taken) return taken;
  memory_ = &memory;
  remembered_ = &remembered;
  return {};
}

base::Result<void> Inode::count_name() {
  if (memory_ != nullptr) {
    if (const auto taken = memory_->take(kNameBytes); !taken) return taken;
  }
  ++further_names_;
  return {};
}

void Inode::uncount_name() {
  --further_names_;
  if (memory_ != nullptr) memory_->give(kNameBytes);
}

base::Result<void> Inode::pay_for_xattrs(std::uint64_t bytes) {
  const quota::Usage price{.bytes = bytes, .inodes = 0};
  if (const auto charged = charge.grow(price); !charged) return charged;
  const auto counted = store_.add_small(bytes);
  if (!counted) charge.shrink(price);
  return counted;
}

void Inode::refund_xattrs(std::uint64_t bytes) {
  charge.shrink({.bytes = bytes, .inodes = 0});
  store_.remove_small(bytes);
}

std::uint32_t Inode::links() const {
  if (!is_directory()) return static_cast<std::uint32_t>(names.size());
  return directory->is_removed() ? 0 : 2 + directory->subdirectories();
}

uid_t Inode::owner() const {
  base::Lock lock(mutex);
  return uid;
}

InodeRef Inode::parent() const {
  base::Lock lock(mutex);
  return names.empty() ? nullptr : names.front()->parent->shared_from_this();
}

Attributes Inode::attributes() const {
  base::Lock lock(mutex);
  return attributes_locked();
}

Attributes Inode::attributes_locked() const {
  Attributes result{.id = id,
                    .mode = type | permissions,
                    .links = links(),
                    .uid = uid,
                    .gid = gid,
                    .device = device};
  if (content) {
    result.size = content->size();
    result.allocated = content->allocated();
    // tar(1) takes a file without blocks for one that is all holes.
    if (result.allocated == 0 && result.size > 0 && may_hide_data()) result.allocated = kChargeUnit;
  } else if (directory) {
    result.size = (directory->size() + 2) * kBytesPerEntry;
  } else {
    result.size = target.size();
    result.allocated = target_charge();
  }
  result.accessed = accessed;
  result.modified = modified;
  result.changed = changed;
  result.born = born;
  return result;
}

std::uint64_t Inode::target_charge() const {
  return target.size() > kFreeTarget ? in_units(target.size()) : 0;
}

quota::Usage Inode::fixed_usage() const {
  if (gone) return {.bytes = 0, .inodes = lent_ ? 0 : 1 + further_names_};
  const std::uint64_t inodes = id == kRootId ? 0 : std::max<std::uint64_t>(names.size(), 1);
  return {.bytes = xattrs.charged() + target_charge(), .inodes = inodes};
}

void Inode::retire() {
  charge.shrink({.bytes = fixed_usage().bytes, .inodes = 0});
  store_.remove_small(xattrs.charged());
  xattrs.clear();
  if (memory_ != nullptr) memory_->give(target.size());
  std::string().swap(target);
  gone = true;
  if (remembered_ != nullptr) remembered_->add();
}

bool Inode::lend_charge() {
  if (remembered_ == nullptr || !remembered_->lend()) return false;
  {
    base::Lock lock(mutex);
    if (lent_) {
      remembered_->back();  // another sweep of this inode has lent it
      return false;
    }
    charge.shrink(fixed_usage());
    lent_ = true;
  }
  remembered_->lent();
  return true;
}

void Inode::take_charge_back() {
  {
    base::Lock lock(mutex);
    lent_ = false;
    charge.grow_anyway(fixed_usage());
  }
  remembered_->back();
}

lifetime::LifetimeFacts Inode::facts() const {
  return {.regular = is_regular(),
          .handles = handles,
          .kept = kept,
          .claimed = names.claimed() > 0,
          .bound = maybe_bound,
          .in_held_directory = names.held_by_directories() > 0};
}

bool Inode::is_held(lifetime::LifetimeMode mode) const {
  return id == kRootId || lifetime::is_held(mode, facts());
}

bool Inode::is_closing(lifetime::LifetimeMode mode, bool with_silent) const {
  std::uint32_t quiet = flushed.load(std::memory_order_relaxed);
  if (with_silent) quiet += silent_handles.load(std::memory_order_relaxed);
  if (handles == 0 || quiet < handles || names.empty()) return false;
  lifetime::LifetimeFacts after = facts();
  after.handles = 0;
  return !lifetime::is_held(mode, after);
}

bool Inode::may_hide_data() const { return holes_cached && mappable_handles > 0; }

void Inode::touch_accessed(AccessTimes times, int flags) {
  if (times.kind == AccessTimes::Kind::never || (flags & O_NOATIME) != 0) return;
  if (is_directory() && !times.directories) return;
  const timespec now = base::now();
  base::Lock lock(mutex);
  if (times.kind == AccessTimes::Kind::strict || !before(modified, accessed) ||
      !before(changed, accessed) || now.tv_sec - accessed.tv_sec >= kRelatimeAge)
    accessed = now;
}

void Inode::touch_modified() {
  modified = base::now();
  if (before(changed, modified)) changed = modified;
}

void Inode::touch_changed() { changed = base::now(); }

void Inode::drop_capabilities() {
  const std::uint64_t before_removal = xattrs.charged();
  if (xattrs.remove("security.capability")) refund_xattrs(before_removal - xattrs.charged());
}

bool Inode::drop_set_ids() {
  const mode_t before_removal = permissions;
  permissions &= static_cast<mode_t>(~S_ISUID);
  // Without group execute permission the setgid bit means mandatory locking, which is no privilege:
  // chown(2), kill_priv of inode_operations.
  if ((permissions & S_IXGRP) != 0) permissions &= static_cast<mode_t>(~S_ISGID);
  return permissions != before_removal;
}

}  // namespace scratchfs::tree
