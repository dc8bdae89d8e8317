// Listing directories, and which entries a user sees.
#include "fs/tree/closing_retry.h"
#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

// How many hidden entries are skipped before the directory's lock is released: about ten
// microseconds.
constexpr std::size_t kHiddenAtOnce = 256;

uid_t owner_of(const Inode& inode) {
  base::Lock lock(inode.mutex);
  return inode.uid;
}

}  // namespace

struct Tree::Listing {
  const ListVisitor& visit;
  const uid_t viewer;  // or the user to whose account that uid belongs
  const bool hides_others;
  std::uint64_t cookie;
  // An entry has been shown, so there is something to reply: the kernel asks again for the rest.
  bool shown;
  bool ended = false;  // reached the last entry, or one that did not fit
};

bool Tree::hides_others(const Inode& directory, uid_t viewer) const {
  return options_.private_names && directory.id == kRootId && viewer != 0 &&
         viewer != options_.owner;
}

void Tree::list_some(const Inode& directory, Listing& listing, Blocker& blocker) const {
  std::size_t hidden = 0;
  base::SharedLock lock(directory.directory->mutex);
  while (const Dentry* entry = directory.directory->after(listing.cookie)) {
    const InodeRef& inode = entry->inode;
    if (listing.hides_others && ledger_.holder_of(owner_of(*inode)) != listing.viewer) {
      listing.cookie = entry->cookie;
      if (++hidden == kHiddenAtOnce) return;
      continue;
    }
    if (gate_.is_closing(*inode, blocker.all_handled)) {
      if (!listing.shown) blocker.inode = inode;
      return;
    }
    if (!inode->gone) {
      if (!listing.visit({inode->id, inode->type, entry->name, entry->cookie, inode})) break;
      listing.shown = true;
    }
    listing.cookie = entry->cookie;
  }
  listing.ended = true;
}

base::Result<void> Tree::list(const InodeRef& directory, std::uint64_t cookie, uid_t viewer,
                              const ListVisitor& visit, base::Wait wait) {
  if (!directory->is_directory()) return base::Errno(ENOTDIR);
  touch_accessed(*directory);
  InodeRef parent = directory;
  {
    base::Lock lock(directory->mutex);
    if (!directory->names.empty()) parent = directory->names.front()->parent->shared_from_this();
  }
  if (cookie < 1 && !visit({directory->id, S_IFDIR, ".", 1, directory})) return {};
  if (cookie < 2 && !visit({parent->id, S_IFDIR, "..", 2, parent})) return {};
  const bool hides = hides_others(*directory, viewer);
  Listing listing{.visit = visit,
                  .viewer = hides ? ledger_.holder_of(viewer) : viewer,
                  .hides_others = hides,
                  .cookie = cookie,
                  .shown = cookie < 2};
  while (true) {
    const auto some = retry_while_closing(wait, [&](Blocker& blocker) -> base::Result<void> {
      list_some(*directory, listing, blocker);
      return {};
    });
    if (!some || listing.shown || listing.ended) return some;
    // All entries so far are hidden.
    if (wait == base::Wait::no) return base::kWouldBlock;
    if (const auto why = wait.over()) return *why;
  }
}

}  // namespace scratchfs::tree
