// unlink and rmdir. A name is removed at once, an inode with its last name and last handle.
#include "fs/tree/tree.h"

namespace scratchfs::tree {

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
  const auto result = gate_.retry_while_closing(wait, [&](Blocker& blocker) -> base::Result<void> {
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
  sweeper_.finish(removed);
  return result;
}

}  // namespace scratchfs::tree
