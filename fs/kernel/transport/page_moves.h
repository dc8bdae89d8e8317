// Giving pages back to the machine that somebody else may be about to fill.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <span>

namespace scratchfs::kernel {

// Gives the pages of `area`, whole and private, back to the machine, as long as `idle()`. What is
// put there meanwhile from its first byte on is not lost: the pages are moved elsewhere by one
// system call, and put back where they turn out to hold it. False: they stay.
//
// REQUIRES: nothing is put there but while the calling thread is in the kernel, and no more than
// once until this returns; idle() is false from then on.
template <typename Idle>
bool give_back_pages(std::span<std::byte> area, Idle idle) {
  if (!idle()) return false;
  // The least that fails where they are locked: moving would unlock them.
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
