// Handles: open, flush, release, and I/O through them.
#include <fcntl.h>
#include <linux/falloc.h>

#include <utility>

#include "fs/base/clock.h"
#include "fs/tree/closing_retry.h"

namespace scratchfs::tree {

namespace {

constexpr time_t kRelatimeAge = 24 * 60 * 60;  // mount(8): relatime

// A file of this size is usually read once, from beginning to end. Reading it through the page
// cache would take longer, and keep it in memory twice.
constexpr std::uint64_t kReadOnce = 128ULL << 20;

bool before(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

}  // namespace

void Tree::touch_accessed(Inode& inode, int flags) const {
  const AccessTimes times = access_times_.load(std::memory_order_relaxed);
  if (times.kind == AccessTimes::Kind::never || (flags & O_NOATIME) != 0) return;
  if (inode.is_directory() && !times.directories) return;
  const timespec now = base::now();
  base::Lock lock(inode.mutex);
  if (times.kind == AccessTimes::Kind::strict || !before(inode.modified, inode.accessed) ||
      !before(inode.changed, inode.accessed) || now.tv_sec - inode.accessed.tv_sec >= kRelatimeAge)
    inode.accessed = now;
}

void Tree::touch_written(Inode& inode, Privileges privileges) {
  bool mode_changed = false;
  {
    base::Lock lock(inode.mutex);
    inode.touch_modified();
    inode.touch_changed();
    if (privileges != Privileges::kept) inode.drop_capabilities();
    mode_changed = privileges == Privileges::dropped && inode.drop_set_ids();
  }
  if (mode_changed) tell_mode_changed(inode.id);
}

// Direct writes are several times faster than writes through the page cache. Reads of small pieces,
// or of the same ones again, are faster from the cache. The two must not mix: a read that fills a
// page during a direct write can leave the old bytes in the page for good. So at any time all
// handles of a file are direct, or all are cached. The first handle decides: it is direct if it may
// write or the file is large. No handle is direct if the kernel could not map such a file or would
// leave stale pages in its cache (allow_direct_io()).
bool Tree::is_direct(const Inode& inode, int flags) const {
  if (!direct_io_) return false;
  if (inode.handles > 0) return inode.direct_handles > 0;
  return (flags & O_ACCMODE) != O_RDONLY || inode.content->size() >= kReadOnce;
}

// close(2) waits for the reply to FLUSH and returns its error. Only a handle opened with O_RDWR can
// be mapped for writing, and so exceed the quota unnoticed.
bool Tree::needs_flush(const Inode& inode, int flags) const {
  if (lifetime::close_can_delete(options_.lifetime, inode.facts())) return true;
  return (flags & O_ACCMODE) == O_RDWR && inode.charge.is_limited();
}

Opened Tree::new_handle(const InodeRef& inode, int flags, HandleRight right) {
  const bool direct = is_direct(*inode, flags);
  const bool flushes = needs_flush(*inode, flags);
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
  return retry_while_closing(wait, [&](Blocker& blocker) -> base::Result<Opened> {
    if (gate_.is_closing(*inode, blocker.all_handled)) {
      blocker.inode = inode;
      return base::Errno(ESTALE);
    }
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
    goes = condemn(*inode);
    // Last: a thread that sees these counters drop without holding the lock must also see `gone`.
    if (handle->flushed_in == inode->flush_epoch) --inode->flushed;
    if (handle->silent) --inode->silent_handles;
  }
  gate_.changed();
  if (goes) consider_or_leave(inode, lifetime::kHandleClosed);
}

base::Result<std::size_t> Tree::read(Handle& handle, std::span<std::byte> into,
                                     std::uint64_t offset, Via via, base::Wait wait) {
  used(handle);
  if (via == Via::page_cache) note_cached(*handle.inode, offset, into.size());
  const auto result = handle.inode->content->read(into, offset, wait);
  if (result && !into.empty()) touch_accessed(*handle.inode, handle.flags);
  return result;
}

base::Result<std::size_t> Tree::write(Handle& handle, std::span<const std::byte> from,
                                      std::uint64_t offset, bool kill_set_ids, base::Wait wait) {
  used(handle);
  const auto result = handle.inode->content->write(from, offset, wait);
  if (result && *result > 0) {
    touch_written(*handle.inode, kill_set_ids ? Privileges::dropped : Privileges::set_ids_kept);
  }
  return result;
}

base::Result<void> Tree::allocate(Handle& handle, int mode, std::uint64_t offset,
                                  std::uint64_t length, base::Wait wait) {
  used(handle);
  content::Content& content = *handle.inode->content;
  const bool keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  base::Result<void> result = base::Errno(EOPNOTSUPP);
  switch (mode & ~FALLOC_FL_KEEP_SIZE) {
    case 0:
      result = content.allocate(offset, length, keep_size, wait);
      break;
    case FALLOC_FL_PUNCH_HOLE:
      result = content.punch(offset, length, wait);
      break;
    case FALLOC_FL_ZERO_RANGE:
      result = content.zero(offset, length, keep_size, wait);
      break;
    default:
      break;
  }
  if (result) touch_written(*handle.inode, Privileges::set_ids_kept);
  return result;
}

base::Result<std::string> Tree::read_link(const InodeRef& inode) {
  if (!S_ISLNK(inode->type)) return base::Errno(EINVAL);
  touch_accessed(*inode);
  base::Lock lock(inode->mutex);
  if (inode->gone) return base::Errno(ESTALE);
  return inode->target;
}

base::Result<std::size_t> Tree::copy(Handle& from, std::uint64_t from_offset, Handle& to,
                                     std::uint64_t to_offset, std::size_t length, base::Wait wait) {
  used(from);
  used(to);
  const auto result = content::Content::copy(*from.inode->content, from_offset, *to.inode->content,
                                             to_offset, length, wait);
  if (!result || *result == 0) return result;
  touch_accessed(*from.inode, from.flags);
  touch_written(*to.inode, Privileges::set_ids_kept);
  return result;
}

}  // namespace scratchfs::tree
