#include "fs/tree/linking.h"

#include <new>

namespace scratchfs::tree {

namespace {

void unclaim_name(Inode& inode, Dentry& name) REQUIRES(inode.mutex) {
  for (const lifetime::ClaimantRef& claimant : name.claims)
    claimant->remove(&name, lifetime::stem_of(name.name), name.parent->id == kRootId);
  inode.names.unclaim_all(name);
}

}  // namespace

void claim_name(Inode& inode, Dentry& name, const lifetime::ClaimantRef& claimant) {
  if (!claimant || !inode.names.claim(name, claimant)) return;
  bool added = false;  // also stays false if the claimant has ended
  try {
    added = claimant->add(&name, inode.weak_from_this(), lifetime::stem_of(name.name),
                          name.parent->id == kRootId);
  } catch (const std::bad_alloc&) {
    inode.names.unclaim(name, claimant);
    throw;
  }
  if (!added) inode.names.unclaim(name, claimant);
}

void unclaim_name(Inode& inode, Dentry& name, const lifetime::ClaimantRef& claimant) {
  claimant->remove(&name, lifetime::stem_of(name.name), name.parent->id == kRootId);
  inode.names.unclaim(name, claimant);
}

Dentry& add_name(Inode& parent, const InodeRef& inode, std::string_view name,
                 std::span<const lifetime::ClaimantRef> claims) {
  Dentry& entry = parent.directory->insert(parent, inode, name);
  try {
    inode->names.add(entry);
    for (const lifetime::ClaimantRef& claimant : claims) claim_name(*inode, entry, claimant);
  } catch (const std::bad_alloc&) {
    remove_name(parent, *inode, entry);
    throw;
  }
  return entry;
}

void remove_name(Inode& parent, Inode& inode, Dentry& entry) {
  unclaim_name(inode, entry);
  inode.names.drop(entry);
  parent.directory->take(entry);
}

Removed take_name(Inode& parent, Dentry& entry) {
  Inode& inode = *entry.inode;
  bool let_go = false;
  {
    base::Lock lock(inode.mutex);
    const bool was_held = inode.names.are_held();
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

void touch(Inode& directory) {
  base::Lock lock(directory.mutex);
  directory.touch_modified();
}

}  // namespace scratchfs::tree
