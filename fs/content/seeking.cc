// lseek(2) with SEEK_DATA and SEEK_HOLE.
#include "fs/content/content.h"

namespace scratchfs::content {

using base::Result;

Result<std::uint64_t> Content::seek_data(std::uint64_t offset) const {
  base::SharedLock lock(mutex_);
  const std::uint64_t end = size();
  if (offset >= end) return base::Errno(ENXIO);
  if (small_.room() > 0) {
    if (offset < kPageSize) return offset;
    return base::Errno(ENXIO);
  }
  const auto page = blocks_.next_page(offset / kPageSize);
  if (!page || *page * kPageSize >= end) return base::Errno(ENXIO);
  return std::max(offset, *page * kPageSize);
}

Result<std::uint64_t> Content::seek_hole(std::uint64_t offset) const {
  base::SharedLock lock(mutex_);
  const std::uint64_t end = size();
  if (offset >= end) return base::Errno(ENXIO);
  std::uint64_t hole = offset / kPageSize;
  if (small_.room() > 0) {
    hole = std::max<std::uint64_t>(hole, 1);
  } else {
    hole = blocks_.next_hole(hole);
  }
  return std::clamp(hole * kPageSize, offset, end);
}

bool Content::has_hole(std::uint64_t offset, std::uint64_t length) const {
  base::SharedLock lock(mutex_);
  if (offset >= size()) return false;
  const std::uint64_t last = offset + std::min(length, size() - offset);
  const std::uint64_t end = (last + kPageSize - 1) / kPageSize;
  if (small_.room() > 0) return end > 1;
  return blocks_.next_hole(offset / kPageSize, end) < end;
}

}  // namespace scratchfs::content
