// Listing directories, and which entries a user sees.
#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

// How many hidden entries are skipped before the directory's lock is released: about ten
// microseconds.
constexpr std::size_t kHiddenAtOnce = 256;

struct Listing {
  const ListVisitor& visit;
  const uid_t viewer;  // or the user to whose account that uid belongs
  const bool hides_others;
  std::uint64_t cookie;
  // An entry has been shown, so there is something to reply: the kernel asks again for the rest.
  bool shown;
  bool ended = false;  // reached the last entry, or one that did not fit
};

void list_some(const Inode& directory, Listing& listing, const quota::Ledger& ledger,
               const ClosingGate& gate, Blocker& blocker) {
  std::size_t hidden = 0;
  base::SharedLock lock(directory.directory->mutex);
  while (const Dentry* entry = directory.directory->after(listing.cookie)) {
    const InodeRef& inode = entry->inode;
    if (listing.hides_others && ledger.holder_of(inode->owner()) != listing.viewer) {
      listing.cookie = entry->cookie;
      if (++hidden == kHiddenAtOnce) return;
      continue;
    }
    if (gate.blocks(inode, blocker)) {
      if (listing.shown) blocker.inode = nullptr;
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

}  // namespace

base::Result<void> Tree::list(const InodeRef& directory, std::uint64_t cookie, uid_t viewer,
                              const ListVisitor& visit, base::Wait wait) {
  if (!directory->is_directory()) return base::Errno(ENOTDIR);
  directory->touch_accessed(access_times_, 0);
  InodeRef parent = directory->parent();
  if (parent == nullptr) parent = directory;
  if (cookie < 1 && !visit({directory->id, S_IFDIR, ".", 1, directory})) return {};
  if (cookie < 2 && !visit({parent->id, S_IFDIR, "..", 2, parent})) return {};
  const bool hides =
      options_.private_names && directory->id == kRootId && viewer != 0 && viewer != options_.owner;
  Listing listing{.visit = visit,
                  .viewer = hides ? ledger_.holder_of(viewer) : viewer,
                  .hides_others = hides,
                  .cookie = cookie,
                  .shown = cookie < 2};
  while (true) {
    const auto some = gate_.retry_while_closing(wait, [&](Blocker& blocker) -> base::Result<void> {
      list_some(*directory, listing, ledger_, gate_, blocker);
      return {};
    });
    if (!some || listing.shown || listing.ended) return some;
    // All entries so far are hidden.
    if (wait == base::Wait::no) return base::kWouldBlock;
    if (const auto why = wait.over()) return *why;
  }
}

}  // namespace scratchfs::tree
