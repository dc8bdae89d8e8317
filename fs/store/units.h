// Page and block sizes, and sets of a block's pages.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace scratchfs::store {

// Bytes of a frame: the unit of holes and charges.
inline constexpr std::size_t kPageSize = 4096;
inline constexpr std::size_t kPagesPerBlock = 16;  // pages of a block without holes
// Bytes of content that are spilled together.
inline constexpr std::size_t kBlockSize = kPageSize * kPagesPerBlock;

// The pages of a block that exist: bit i is page i; holes are 0.
using PageMask = std::uint16_t;

constexpr unsigned count_of(PageMask pages) { return static_cast<unsigned>(std::popcount(pages)); }
constexpr bool has_page(PageMask mask, std::size_t page) { return (mask >> page & 1) != 0; }
constexpr PageMask without(PageMask mask, PageMask removed) {
  return static_cast<PageMask>(mask & ~removed);
}
// Returns the pages [first, last) of a block.
constexpr PageMask pages_between(std::size_t first, std::size_t last) {
  const unsigned below_last = (1U << last) - 1;
  const unsigned below_first = (1U << first) - 1;
  return first < last ? static_cast<PageMask>(below_last & ~below_first) : PageMask{0};
}

}  // namespace scratchfs::store
