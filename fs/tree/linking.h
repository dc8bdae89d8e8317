// Adds names and removes them, so that the directory, the inode and the claimants agree.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "fs/lifetime/claims.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// A name that was taken out of the tree. Sweeper::finish() does what follows, without locks.
struct Removed {
  std::unique_ptr<Dentry> name;  // null: none was taken out
  // It was the last held name of its inode, which has other names.
  bool let_go = false;
};

// Adds `claimant` to a name of `inode`. Does nothing if it is null or has ended. bad_alloc changes
// nothing.
void claim_name(Inode& inode, Dentry& name, const lifetime::ClaimantRef& claimant)
    REQUIRES(inode.mutex);
// Removes one claim from a name.
void unclaim_name(Inode& inode, Dentry& name, const lifetime::ClaimantRef& claimant)
    REQUIRES(inode.mutex);
// Adds a name with these claims to `inode`. bad_alloc changes nothing.
Dentry& add_name(Inode& parent, const InodeRef& inode, std::string_view name,
                 std::span<const lifetime::ClaimantRef> claims)
    REQUIRES(parent.directory->mutex, inode->mutex);
// Removes a name whose inode has another one, or is gone; the caller keeps the inode alive.
void remove_name(Inode& parent, Inode& inode, Dentry& entry)
    REQUIRES(parent.directory->mutex, inode.mutex);
// Removes a name as unlink(2) does: an inode that then has neither name nor handle is gone. Does
// not allocate.
Removed take_name(Inode& parent, Dentry& entry) REQUIRES(parent.directory->mutex);
// Notes that the entries of `directory` have changed.
void touch(Inode& directory) EXCLUDES(directory.mutex);

}  // namespace scratchfs::tree
