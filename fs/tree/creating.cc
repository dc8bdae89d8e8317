// mkdir, mknod, symlink, link, open(O_CREAT) and O_TMPFILE: how objects are created and who claims
// them.
#include <fcntl.h>

#include <new>
#include <utility>

#include "fs/tree/forget_wait.h"
#include "fs/tree/lookup.h"

namespace scratchfs::tree {

namespace {

// Adds the name of a new object or a link. bad_alloc changes nothing.
Dentry& attach(Inode& parent, const InodeRef& inode, std::string_view name,
               const lifetime::ClaimantRef& claimant)
    REQUIRES(parent.directory->mutex, inode->mutex) {
  Dentry& entry = add_name(parent, inode, name, {&claimant, 1});
  if (inode->is_directory())
    inode->directory->set_holds_entries(!entry.claims.empty() || parent.directory->holds_entries());
  return entry;
}

// Adds a name to an inode that is not gone. Charges every name but the first.
base::Result<void> add_link(Inode& directory, const InodeRef& inode, std::string_view name,
                            const lifetime::ClaimantRef& claimant)
    REQUIRES(directory.directory->mutex, inode->mutex) {
  if (inode->gone) return base::Errno(ENOENT);
  if (inode->names.size() >= kMaxLinks) return base::Errno(EMLINK);
  // A file without a name is already charged for one.
  const bool pays = !inode->names.empty();
  constexpr quota::Usage kPrice{.bytes = 0, .inodes = 1};
  if (pays) {
    if (const auto counted = inode->count_name(); !counted) return counted.error();
    if (const auto charged = inode->charge.grow(kPrice); !charged) {
      inode->uncount_name();
      return charged.error();
    }
  }
  try {
    attach(directory, inode, name, claimant);
  } catch (const std::bad_alloc&) {
    if (pays) inode->charge.shrink(kPrice);
    if (pays) inode->uncount_name();
    throw;
  }
  inode->touch_changed();
  return {};
}

// Whether nothing claims what was created, because its creator has ended by now.
bool is_unclaimed(const lifetime::ClaimantRef& claimant) {
  return !claimant || claimant->has_ended();
}

}  // namespace

// Checks that `name` can be created in `parent`. Removes an entry of that name whose inode is gone
// but not yet swept.
base::Result<void> Tree::check_new(Inode& parent, std::string_view name, Blocker& blocker) {
  if (parent.directory->is_removed()) return base::Errno(ENOENT);
  if (live(*parent.directory, name, blocker) || blocker) return base::Errno(EEXIST);
  if (Dentry* leftover = parent.directory->find(name)) {
    const InodeRef inode = leftover->inode;
    base::Lock lock(inode->mutex);
    remove_name(parent, *inode, *leftover);
  }
  return {};
}

base::Result<InodeRef> Tree::new_inode(mode_t mode, dev_t device, const Inode& parent,
                                       const Caller& caller, std::string_view target) {
  Inode::Birth birth{.id = inodes_.new_id(),
                     .mode = creation_mode(options_.create_mode, mode, caller.umask),
                     .device = device,
                     .uid = caller.uid,
                     .gid = caller.gid};
  {
    // A setgid directory passes on its group (inode(7)), and with create_mode=posix also the bit.
    base::Lock lock(parent.mutex);
    if ((parent.permissions & S_ISGID) != 0) {
      birth.gid = parent.gid;
      if (S_ISDIR(mode) && options_.create_mode == tree::CreateMode::posix) birth.mode |= S_ISGID;
    }
  }
  auto inode = std::make_shared<Inode>(birth, store_, ledger_);
  {
    base::Lock lock(inode->mutex);
    inode->target = target;
  }
  if (const auto counted = inode->count_memory(memory_, remembered_); !counted)
    return counted.error();
  base::Lock lock(inode->mutex);
  inode->maybe_bound = S_ISSOCK(mode) && sweeper_.sockets() != nullptr;
  if (const auto charged = inode->charge.grow(inode->fixed_usage()); !charged)
    return charged.error();
  return inode;
}

// Exclusive creation claims the name. Plain creation in the root joins the creator's claim if the
// name begins with its stem.
base::Result<lifetime::ClaimantRef> Tree::claimant_for(const Inode& parent, std::string_view name,
                                                       bool exclusive, const Caller& caller,
                                                       base::Wait wait) {
  if (options_.lifetime != lifetime::LifetimeMode::claimed) return lifetime::ClaimantRef();
  if (exclusive) return claims_.claimant_of(caller, wait);
  if (parent.id != kRootId) return lifetime::ClaimantRef();
  auto claimant = claims_.known_claimant_of(caller, wait);
  if (claimant && *claimant && !(*claimant)->covers(name)) return lifetime::ClaimantRef();
  return claimant;
}

base::Result<Found> Tree::symlink(const InodeRef& directory, std::string_view name,
                                  std::string_view target, const Caller& caller, base::Wait wait) {
  if (target.size() > kMaxTarget) return base::Errno(ENAMETOOLONG);
  return make(directory, name, S_IFLNK | 0777, 0, caller, wait, target);
}

base::Result<Found> Tree::make(const InodeRef& directory, std::string_view name, mode_t mode,
                               dev_t device, const Caller& caller, base::Wait wait,
                               std::string_view target) {
  if (!directory->is_directory()) return base::Errno(ENOTDIR);
  if (name.size() > kMaxName) return base::Errno(ENAMETOOLONG);
  const auto claimant = claimant_for(*directory, name, true, caller, wait);
  if (!claimant) return claimant.error();
  const auto make_once = [&](Blocker& blocker) -> base::Result<Found> {
    base::Lock lock(directory->directory->mutex);
    if (const auto free = check_new(*directory, name, blocker); !free) return free.error();
    const auto made = new_inode(mode, device, *directory, caller, target);
    if (!made) return made.error();
    const InodeRef& inode = *made;
    Lookup lookup(inodes_, inode);
    {
      base::Lock inode_lock(inode->mutex);
      attach(*directory, inode, name, *claimant);
    }
    touch(*directory);
    return found(lookup);
  };
  auto result = with_inodes_left(caller.uid, wait,
                                 [&] { return gate_.retry_while_closing(wait, make_once); });
  if (result && is_unclaimed(*claimant)) sweeper_.sweep(result->inode, lifetime::kCreatorGone);
  return result;
}

// Adds the name and the handle under one lock, because the claim on the name may end at any time.
Opened Tree::attach_open(Inode& parent, const InodeRef& inode, std::string_view name, int flags,
                         const lifetime::ClaimantRef& claimant, HandleRight right) {
  base::Lock lock(inode->mutex);
  Dentry& entry = attach(parent, inode, name, claimant);
  try {
    return new_handle(inode, flags, std::move(right));
  } catch (const std::bad_alloc&) {
    remove_name(parent, *inode, entry);
    throw;
  }
}

base::Result<Created> Tree::create(const InodeRef& directory, std::string_view name, mode_t mode,
                                   int flags, const Caller& caller, base::Wait wait) {
  if (!directory->is_directory()) return base::Errno(ENOTDIR);
  if (name.size() > kMaxName) return base::Errno(ENAMETOOLONG);
  const auto claimant = claimant_for(*directory, name, (flags & O_EXCL) != 0, caller, wait);
  if (!claimant) return claimant.error();
  const auto create_once = [&](Blocker& blocker) -> base::Result<Created> {
    base::Lock lock(directory->directory->mutex);
    const InodeRef existing = live(*directory->directory, name, blocker);
    if (blocker) return base::Errno(EEXIST);
    if (existing && (flags & O_EXCL) != 0) return base::Errno(EEXIST);
    if (existing) {
      Lookup lookup(inodes_, existing);
      const auto opened = open_existing(existing, flags, caller.uid, false);
      if (!opened) return opened.error();
      return Created{found(lookup), *opened};
    }
    if (const auto free = check_new(*directory, name, blocker); !free) return free.error();
    auto right = handle_budget_.take(ledger_.holder_of(caller.uid));
    if (!right) return base::Errno(ENFILE);
    const auto made = new_inode(S_IFREG | (mode & 07777), 0, *directory, caller);
    if (!made) return made.error();
    const InodeRef& inode = *made;
    Lookup lookup(inodes_, inode);
    const Opened opened = attach_open(*directory, inode, name, flags, *claimant, *std::move(right));
    touch(*directory);
    return Created{found(lookup), opened};
  };
  return with_inodes_left(caller.uid, wait,
                          [&] { return gate_.retry_while_closing(wait, create_once); });
}

base::Result<Created> Tree::create_unnamed(const InodeRef& directory, mode_t mode, int flags,
                                           const Caller& caller, base::Wait wait) {
  if (!directory->is_directory()) return base::Errno(ENOTDIR);
  if (directory->directory->is_removed()) return base::Errno(ENOENT);
  auto right = handle_budget_.take(ledger_.holder_of(caller.uid));
  if (!right) return base::Errno(ENFILE);
  const auto made = with_inodes_left(
      caller.uid, wait, [&] { return new_inode(S_IFREG | (mode & 07777), 0, *directory, caller); });
  if (!made) return made.error();
  const InodeRef& inode = *made;
  Lookup lookup(inodes_, inode);
  base::Lock lock(inode->mutex);
  const Opened opened = new_handle(inode, flags, *std::move(right));
  lock.unlock();
  return Created{found(lookup), opened};
}

base::Result<Found> Tree::link(const InodeRef& inode, const InodeRef& directory,
                               std::string_view name, const Caller& caller, base::Wait wait) {
  if (!directory->is_directory()) return base::Errno(ENOTDIR);
  if (inode->is_directory()) return base::Errno(EPERM);
  if (name.size() > kMaxName) return base::Errno(ENAMETOOLONG);
  const auto claimant = claimant_for(*directory, name, true, caller, wait);
  if (!claimant) return claimant.error();
  const auto link_once = [&](Blocker& blocker) -> base::Result<Found> {
    base::Lock lock(directory->directory->mutex);
    if (const auto free = check_new(*directory, name, blocker); !free) return free.error();
    Lookup lookup(inodes_, inode);
    {
      base::Lock inode_lock(inode->mutex);
      if (const auto linked = add_link(*directory, inode, name, *claimant); !linked)
        return linked.error();
    }
    touch(*directory);
    return found(lookup);
  };
  auto result = with_inodes_left(caller.uid, wait,
                                 [&] { return gate_.retry_while_closing(wait, link_once); });
  if (result && is_unclaimed(*claimant)) sweeper_.sweep(inode, lifetime::kCreatorGone);
  return result;
}

}  // namespace scratchfs::tree
