// Handles: open, flush, fsync, release.
#include <fcntl.h>

#include <utility>

#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

// A file of this size is usually read once, from beginning to end. Reading it through the page
// cache would take longer, and keep it in memory twice.
constexpr std::uint64_t kReadOnce = 128ULL << 20;

// Direct writes are several times faster than writes through the page cache. Reads of small pieces,
// or of the same ones again, are faster from the cache. The two must not mix: a read that fills a
// page during a direct write can leave the old bytes in the page for good. So at any time all
// handles of a file are direct, or all are cached. The first handle decides: it is direct if it may
// write or the file is large.
bool is_direct(const Inode& inode, int flags) REQUIRES(inode.mutex) {
  if (inode.handles > 0) return inode.direct_handles > 0;
  return (flags & O_ACCMODE) != O_RDONLY || inode.content->size() >= kReadOnce;
}

// close(2) waits for the reply to FLUSH and returns its error. Only a handle opened with O_RDWR can
// be mapped for writing, and so exceed the quota unnoticed.
bool needs_flush(lifetime::LifetimeMode mode, const Inode& inode, int flags) REQUIRES(inode.mutex) {
  if (lifetime::close_can_delete(mode, inode.facts())) return true;
  return (flags & O_ACCMODE) == O_RDWR && inode.charge.is_limited();
}

}  // namespace

Opened Tree::new_handle(const InodeRef& inode, int flags, HandleRight right) {
  const bool direct = direct_io_ && is_direct(*inode, flags);
  const bool flushes = needs_flush(options_.lifetime, *inode, flags);
  const HandleId id = handles_.new_id();
  handles_.add(id, std::shared_ptr<Handle>(new Handle{.inode = inode,
                                                      .flags = flags,
                                                      .direct = direct,
                                                      .silent = !flushes,
                                                      .losses_told = inode->losses.load(),
                                                      .right = std::move(right)}));
  ++inode->handles;
  if (direct) ++inode->direct_handles;
  if ((flags & O_ACCMODE) == O_RDWR) ++inode->mappable_handles;
  if (!flushes) ++inode->silent_handles;
  return {.handle = id, .needs_flush = flushes, .direct = direct};
}

base::Result<Opened> Tree::open(const InodeRef& inode, int flags, uid_t user, bool kill_set_ids,
                                base::Wait wait) {
  return gate_.retry_while_closing(wait, [&](Blocker& blocker) -> base::Result<Opened> {
    if (gate_.blocks(inode, blocker)) return base::Errno(ESTALE);
    return open_existing(inode, flags, user, kill_set_ids);
  });
}

base::Result<Opened> Tree::open_existing(const InodeRef& inode, int flags, uid_t user,
                                         bool kill_set_ids) {
  if (inode->is_directory()) return base::Errno(EISDIR);
  if (!inode->is_regular()) return base::Errno(ENXIO);
  auto right = handle_budget_.take(ledger_.holder_of(user));
  if (!right) return base::Errno(ENFILE);
  Opened opened;
  {
    base::Lock lock(inode->mutex);
    if (inode->gone) return base::Errno(ESTALE);
    opened = new_handle(inode, flags, *std::move(right));
  }
  if ((flags & O_TRUNC) != 0) {
    reaper_.free(inode->content->discard());
    touch_written(*inode, kill_set_ids ? Privileges::dropped : Privileges::set_ids_kept);
  }
  return opened;
}

void Tree::used(Handle& handle) {
  if (handle.flushed_in.load(std::memory_order_relaxed) == 0) return;
  {
    Inode& inode = *handle.inode;
    base::Lock lock(inode.mutex);
    if (handle.flushed_in == inode.flush_epoch) --inode.flushed;
    handle.flushed_in = 0;
  }
  gate_.changed();
}

base::Result<void> Tree::flush(Handle& handle) {
  Inode& inode = *handle.inode;
  if (!handle.silent) {
    base::Lock lock(inode.mutex);
    ++inode.flushes;
    if (handle.flushed_in != inode.flush_epoch) {
      handle.flushed_in = inode.flush_epoch.load();
      ++inode.flushed;
    }
  }
  if (handle.losses_told != inode.losses) return base::Errno(EDQUOT);
  return {};
}

base::Result<void> Tree::sync(Handle& handle) {
  const std::uint32_t losses = handle.inode->losses;
  if (handle.losses_told.exchange(losses) != losses) return base::Errno(EDQUOT);
  return {};
}

void Tree::release(HandleId id) {
  const std::shared_ptr<Handle> handle = handles_.drop(id);
  if (!handle) return;
  const InodeRef inode = handle->inode;
  bool goes = false;
  {
    base::Lock lock(inode->mutex);
    --inode->handles;
    if (handle->direct) --inode->direct_handles;
    if ((handle->flags & O_ACCMODE) == O_RDWR) --inode->mappable_handles;
    goes = sweeper_.condemn(*inode);
    // Last: a thread that sees these counters drop without holding the lock must also see `gone`.
    if (handle->flushed_in == inode->flush_epoch) --inode->flushed;
    if (handle->silent) --inode->silent_handles;
  }
  gate_.changed();
  if (goes) sweeper_.sweep(inode, lifetime::kHandleClosed);
}

}  // namespace scratchfs::tree
