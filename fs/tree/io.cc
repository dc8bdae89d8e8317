// The contents of open files, among them data that is in the kernel's page cache before the daemon
// has it.
#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>

#include "fs/store/units.h"
#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

std::uint64_t end_of_page(std::uint64_t offset) {
  return (offset / store::kPageSize + 1) * store::kPageSize;
}

// A program can store through a mapping only into pages that the kernel has read before.
void note_cached(Inode& inode, std::uint64_t offset, std::size_t length) {
  if (!inode.holes_cached && inode.content->has_hole(offset, length)) inode.holes_cached = true;
}

}  // namespace

void Tree::touch_written(Inode& inode, Privileges privileges) {
  bool mode_changed = false;
  {
    base::Lock lock(inode.mutex);
    inode.touch_modified();
    inode.touch_changed();
    if (privileges != Privileges::kept) inode.drop_capabilities();
    mode_changed = privileges == Privileges::dropped && inode.drop_set_ids();
  }
  if (mode_changed) notices_.send([&](KernelNotices& kernel) { kernel.mode_changed(inode.id); });
}

base::Result<std::size_t> Tree::read(Handle& handle, std::span<std::byte> into,
                                     std::uint64_t offset, Via via, base::Wait wait) {
  used(handle);
  if (via == Via::page_cache) note_cached(*handle.inode, offset, into.size());
  const auto result = handle.inode->content->read(into, offset, wait);
  if (result && !into.empty()) handle.inode->touch_accessed(access_times_, handle.flags);
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

// For a WRITE of cached pages the kernel looks at the error, not at how much was written. Each page
// is therefore written independently: one that does not fit does not prevent those after it. Of the
// errors that the kernel keeps for fsync(2) and close(2), it turns all but ENOSPC into EIO. So if
// the quota was exceeded, the WRITE succeeds, and FSYNC and FLUSH return EDQUOT.
base::Result<std::size_t> Tree::write_back(Handle& handle, std::span<const std::byte> from,
                                           std::uint64_t offset, base::Wait wait) {
  used(handle);
  Inode& inode = *handle.inode;
  base::Result<void> worst;
  bool over_quota = false;
  std::size_t at = 0;
  while (at < from.size()) {
    const auto written = inode.content->write(from.subspan(at), offset + at, wait);
    if (written) {
      at += *written;
      continue;
    }
    if (written.error() == base::kWouldBlock) return base::kWouldBlock;
    if (written.error() == base::Errno(EDQUOT)) {
      over_quota = true;
    } else if (worst) {
      worst = written.error();
    }
    at = std::min<std::uint64_t>(from.size(), end_of_page(offset + at) - offset);
  }
  if (over_quota) ++inode.losses;
  touch_written(inode, Privileges::kept);
  if (!worst) return worst.error();
  return from.size();
}

base::Result<void> Tree::allocate(Handle& handle, int mode, std::uint64_t offset,
                                  std::uint64_t length, base::Wait wait) {
  used(handle);
  content::Content& content = *handle.inode->content;
  const bool keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  const auto result = [&]() -> base::Result<void> {
    switch (mode & ~FALLOC_FL_KEEP_SIZE) {
      case 0:
        return content.allocate(offset, length, keep_size, wait);
      case FALLOC_FL_PUNCH_HOLE:
        return content.punch(offset, length, wait);
      case FALLOC_FL_ZERO_RANGE:
        return content.zero(offset, length, keep_size, wait);
      default:
        return base::Errno(EOPNOTSUPP);
    }
  }();
  if (result) touch_written(*handle.inode, Privileges::set_ids_kept);
  return result;
}

base::Result<std::uint64_t> Tree::seek(Handle& handle, std::uint64_t offset, int whence) {
  used(handle);
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return base::Errno(EINVAL);
  const Inode& inode = *handle.inode;
  const content::Content& content = *inode.content;
  bool may_hide_data = false;
  {
    base::Lock lock(inode.mutex);
    may_hide_data = inode.may_hide_data();
  }
  if (may_hide_data) {
    const std::uint64_t size = content.size();
    if (offset >= size) return base::Errno(ENXIO);
    return whence == SEEK_DATA ? offset : size;  // lseek(2) permits this
  }
  return whence == SEEK_DATA ? content.seek_data(offset) : content.seek_hole(offset);
}

base::Result<std::size_t> Tree::copy(Handle& from, std::uint64_t from_offset, Handle& to,
                                     std::uint64_t to_offset, std::size_t length, base::Wait wait) {
  used(from);
  used(to);
  const auto result = content::Content::copy(*from.inode->content, from_offset, *to.inode->content,
                                             to_offset, length, wait);
  if (!result || *result == 0) return result;
  from.inode->touch_accessed(access_times_, from.flags);
  touch_written(*to.inode, Privileges::set_ids_kept);
  return result;
}

base::Result<std::string> Tree::read_link(const InodeRef& inode) {
  if (!S_ISLNK(inode->type)) return base::Errno(EINVAL);
  inode->touch_accessed(access_times_, 0);
  base::Lock lock(inode->mutex);
  if (inode->gone) return base::Errno(ESTALE);
  return inode->target;
}

}  // namespace scratchfs::tree
