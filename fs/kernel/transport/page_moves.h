// Returns pages to the system while the kernel may be about to fill them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <span>

namespace scratchfs::kernel {

// Returns the private, whole pages of `area` to the system, provided that `idle()` holds. Data that
// is written meanwhile from the first byte of `area` on is not lost: one system call moves the
// pages elsewhere, and they are moved back if they turn out to hold new data. Returns false if the
// pages stay.
//
// REQUIRES: `area` has no huge pages (MADV_NOHUGEPAGE), so a page is there only if it was written;
// it is written only while the calling thread is in the kernel, at most once before
// this returns, and idle() is false from then on.
template <typename Idle>
bool give_back_pages(std::span<std::byte> area, Idle idle) {
  if (!idle()) return false;
  // The mildest advice that fails for locked pages, which must stay: mremap(2) would unlock them.
  if (madvise(area.data(), area.size(), MADV_COLD) != 0) return false;
  void* const anywhere = nullptr;
  void* const moved =
      mremap(area.data(), area.size(), area.size(), MREMAP_MAYMOVE | MREMAP_DONTUNMAP, anywhere);
  if (moved == MAP_FAILED) return false;
  unsigned char in_memory = 0;
  const bool came_before = !idle() && mincore(area.data(), 1, &in_memory) == 0 && in_memory == 0;
  if (came_before) {
    if (mremap(moved, area.size(), area.size(), MREMAP_MAYMOVE | MREMAP_FIXED, area.data()) ==
        area.data())
      return false;
    std::memcpy(area.data(), moved, area.size());
  }
  munmap(moved, area.size());
  return !came_before;
}

}  // namespace scratchfs::kernel
