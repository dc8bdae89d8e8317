// unlink and rmdir. A name is removed at once, an inode with its last name and last handle.
#include "fs/tree/closing_retry.h"

namespace scratchfs::tree {

bool Tree::is_held(const Inode& inode) const {
  return inode.id == kRootId || lifetime::is_held(options_.lifetime, inode.facts());
}

// Removes one name from its directory. An inode that then has neither name nor handle is gone;
// finish() frees its content, so that no lock is held for that long. `was_held`: the inode had a
// held name before the caller moved `entry` to it. Does not allocate.
Removed Tree::take_name(Inode& parent, Dentry& entry, bool was_held) {
  Inode& inode = *entry.inode;
  bool let_go = false;
  {
    base::Lock lock(inode.mutex);
    was_held = was_held || inode.names.are_held();
    unclaim_name(inode, entry);
    if (!inode.gone) {
      const bool last = inode.names.size() == 1;
      if (last && inode.handles == 0) {
        inode.retire();
      } else if (!last) {
        inode.charge.shrink({.bytes = 0, .inodes = 1});
        inode.uncount_name();
      }
      inode.touch_changed();
    }
    inode.names.drop(entry);
    let_go = was_held && !inode.names.are_held() && !inode.names.empty();
  }
  touch(parent);
  return {parent.directory->take(entry), let_go};
}

// Finishes the removal, without locks: frees the content of a gone inode, and deletes what only
// this name held: the file under its other names, and a directory that only waited to become empty.
void Tree::finish(const Removed& removed) {
  if (removed.name == nullptr) return;
  const InodeRef& inode = removed.name->inode;
  if (inode->gone) free_content(*inode);
  if (removed.let_go) refresh_or_leave(inode, lifetime::kNameRemoved);
  Inode& parent = *removed.name->parent;
  if (options_.lifetime == lifetime::LifetimeMode::claimed && parent.id != kRootId &&
      !parent.directory->holds_entries())
    consider_or_leave(parent.shared_from_this(), lifetime::kLastEntryGone);
}

base::Result<void> Tree::unlink(const InodeRef& directory, std::string_view name, base::Wait wait) {
  return remove(directory, name, false, wait);
}

base::Result<void> Tree::rmdir(const InodeRef& directory, std::string_view name, base::Wait wait) {
  return remove(directory, name, true, wait);
}

base::Result<void> Tree::remove(const InodeRef& directory, std::string_view name,
                                bool want_directory, base::Wait wait) {
  if (!directory->is_directory()) return base::Errno(ENOTDIR);
  if (name.size() > kMaxName) return base::Errno(ENAMETOOLONG);
  Removed removed;
  const auto result = retry_while_closing(wait, [&](Blocker& blocker) -> base::Result<void> {
    base::Lock lock(directory->directory->mutex);
    const InodeRef inode = live(*directory->directory, name, blocker);
    if (!inode) return base::Errno(ENOENT);
    if (want_directory && !inode->is_directory()) return base::Errno(ENOTDIR);
    if (!want_directory && inode->is_directory()) return base::Errno(EISDIR);
    if (want_directory) {
      base::Lock child_lock(inode->directory->mutex, directory->directory->mutex);
      if (!inode->directory->empty()) return base::Errno(ENOTEMPTY);
      inode->directory->mark_removed();
    }
    removed = take_name(*directory, *directory->directory->find(name));
    return {};
  });
  finish(removed);
  return result;
}

}  // namespace scratchfs::tree
