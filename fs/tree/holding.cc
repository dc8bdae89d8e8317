#include "fs/tree/holding.h"

#include <new>
#include <utility>

namespace scratchfs::tree {

namespace {

// Does not allocate.
void hold_entries(Inode& directory, bool holds) REQUIRES(directory.directory->mutex) {
  directory.directory->set_holds_entries(holds);
  std::uint64_t cookie = 0;
  while (const Dentry* entry = directory.directory->after(cookie)) {
    base::Lock lock(entry->inode->mutex);
    entry->inode->names.note_holding(holds);
    cookie = entry->cookie;
  }
}

// Updates one directory. If that changes it, adds it to `changed`, and the directories in it to
// `to_look_at`.
void update_one(const InodeRef& directory, std::vector<InodeRef>& changed,
                std::vector<InodeRef>& to_look_at) {
  base::Lock lock(directory->directory->mutex);
  const bool holds = is_holding(*directory);
  if (directory->directory->holds_entries() == holds) return;
  std::uint64_t cookie = 0;
  while (const Dentry* entry = directory->directory->after(cookie)) {
    if (entry->inode->is_directory()) to_look_at.push_back(entry->inode);
    cookie = entry->cookie;
  }
  changed.push_back(directory);
  hold_entries(*directory, holds);
}

}  // namespace

bool is_holding(const Inode& directory) {
  base::Lock lock(directory.mutex);
  const lifetime::LifetimeFacts facts = directory.facts();
  return facts.kept || facts.claimed || facts.in_held_directory;
}

bool has_to_spread(lifetime::LifetimeMode mode, const Inode& inode) {
  return mode == lifetime::LifetimeMode::claimed && inode.is_directory() &&
         inode.directory->size() > 0;
}

std::vector<InodeRef> update_holding(const InodeRef& directory, base::Mutex& rename_mutex) {
  {
    // Usually nothing changes; then do not wait for a thread that works on a large tree. The thread
    // that changes it holds this lock from check to change.
    base::SharedLock lock(directory->directory->mutex);
    if (is_holding(*directory) == directory->directory->holds_entries()) return {};
  }
  base::Lock topology(rename_mutex);
  std::vector<InodeRef> changed;
  try {
    std::vector<InodeRef> to_look_at{directory};
    while (!to_look_at.empty()) {
      const InodeRef next = std::move(to_look_at.back());
      to_look_at.pop_back();
      if (next->id != kRootId) update_one(next, changed, to_look_at);
    }
  } catch (const std::bad_alloc&) {
    for (const InodeRef& undone : changed) {
      base::Lock lock(undone->directory->mutex);
      hold_entries(*undone, !undone->directory->holds_entries());
    }
    throw;
  }
  return changed;
}

}  // namespace scratchfs::tree
