// chmod, chown, truncate, utimens and extended attributes.
#include <new>

#include "fs/base/clock.h"
#include "fs/tree/forget_wait.h"

namespace scratchfs::tree {

namespace {

base::Result<Attributes> change_attributes(Inode& inode, const AttributeChange& change,
                                           quota::Ledger& ledger, Reaper& reaper, base::Wait wait) {
  if (inode.gone) return base::Errno(ESTALE);
  if (change.size) {
    if (!inode.is_regular()) return base::Errno(inode.is_directory() ? EISDIR : EINVAL);
    if (*change.size == 0) {
      reaper.free(inode.content->discard());
    } else if (const auto done = inode.content->truncate(*change.size, wait); !done) {
      return done.error();
    }
  }
  base::Lock lock(inode.mutex);
  if (change.uid && *change.uid != inode.uid) {
    if (const auto moved = inode.charge.move_to(ledger.account(*change.uid)); !moved)
      return moved.error();
    inode.uid = *change.uid;
  }
  if (change.gid) inode.gid = *change.gid;
  // chown(2) clears the set-id bits, whoever calls it; directories keep theirs.
  if (!inode.is_directory()) {
    const bool set_ids_go = change.uid || change.gid || change.kill_suid_sgid;
    if (set_ids_go) inode.drop_set_ids();
    if (set_ids_go || change.size) inode.drop_capabilities();
  }
  if (change.mode) inode.permissions = *change.mode & 07777;
  if (change.size) inode.touch_modified();
  if (change.accessed) inode.accessed = *change.accessed;
  if (change.modified) inode.modified = *change.modified;
  inode.changed = change.changed ? *change.changed : base::now();
  return inode.attributes_locked();
}

}  // namespace

base::Result<Attributes> Tree::set_attributes(const InodeRef& inode, const AttributeChange& change,
                                              base::Wait wait) {
  const auto change_once = [&] {
    return change_attributes(*inode, change, ledger_, reaper_, wait);
  };
  return change.uid ? with_inodes_left(*change.uid, wait, change_once) : change_once();
}

base::Result<std::string> Tree::xattr(const InodeRef& inode, std::string_view name) const {
  base::Lock lock(inode->mutex);
  const std::string* value = inode->xattrs.find(name);
  if (value == nullptr) return base::Errno(ENODATA);
  return *value;
}

base::Result<void> Tree::set_xattr(const InodeRef& inode, std::string_view name,
                                   std::string_view value, XattrSet how) {
  base::Lock lock(inode->mutex);
  if (inode->gone) return base::Errno(ESTALE);
  const auto then = inode->xattrs.check_set(name, value, how);
  if (!then) return then.error();
  const std::uint64_t now = inode->xattrs.charged();
  const std::uint64_t more = *then > now ? *then - now : 0;
  if (more > 0) {
    if (const auto paid = inode->pay_for_xattrs(more); !paid) return paid;
  }
  try {
    inode->xattrs.set(name, value);
  } catch (const std::bad_alloc&) {
    inode->refund_xattrs(more);
    throw;
  }
  if (*then < now) inode->refund_xattrs(now - *then);
  inode->touch_changed();
  return {};
}

base::Result<void> Tree::remove_xattr(const InodeRef& inode, std::string_view name) {
  base::Lock lock(inode->mutex);
  const std::uint64_t before = inode->xattrs.charged();
  if (!inode->xattrs.remove(name)) return base::Errno(ENODATA);
  inode->refund_xattrs(before - inode->xattrs.charged());
  inode->touch_changed();
  return {};
}

std::string Tree::xattr_names(const InodeRef& inode) const {
  base::Lock lock(inode->mutex);
  return inode->xattrs.list();
}

}  // namespace scratchfs::tree
