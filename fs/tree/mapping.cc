// Mapped files: data that is in the kernel's page cache before the daemon has it.
#include <fcntl.h>

#include <algorithm>

#include "fs/store/units.h"
#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

std::uint64_t end_of_page(std::uint64_t offset) {
  return (offset / store::kPageSize + 1) * store::kPageSize;
}

}  // namespace

// A program can store only into pages that the kernel has read before.
void Tree::note_cached(Inode& inode, std::uint64_t offset, std::size_t length) {
  if (!inode.holes_cached && inode.content->has_hole(offset, length)) inode.holes_cached = true;
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

}  // namespace scratchfs::tree
