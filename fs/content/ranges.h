// Offset arithmetic: maps byte ranges to blocks, pages and page masks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "fs/store/units.h"

namespace scratchfs::content {

using store::count_of;
using store::has_page;
using store::kBlockSize;
using store::kPageSize;
using store::kPagesPerBlock;
using store::PageMask;
using store::pages_between;
using store::without;

// The part of a byte range that lies in one block: [begin, end), relative to the start of the
// block.
struct Piece {
  std::uint64_t block = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
  constexpr std::size_t size() const { return end - begin; }
  constexpr std::uint64_t offset() const { return block * kBlockSize + begin; }  // in the file
};

// Returns the first piece of [offset, offset + length). REQUIRES: `length` is not 0.
constexpr Piece first_piece(std::uint64_t offset, std::uint64_t length) {
  const std::size_t begin = offset % kBlockSize;
  const std::uint64_t room = kBlockSize - begin;
  return {offset / kBlockSize, begin, begin + static_cast<std::size_t>(std::min(length, room))};
}

// Return the pages that the piece touches, and those that it covers completely.
constexpr PageMask touched(const Piece& piece) {
  return pages_between(piece.begin / kPageSize, (piece.end + kPageSize - 1) / kPageSize);
}
constexpr PageMask covered(const Piece& piece) {
  return pages_between((piece.begin + kPageSize - 1) / kPageSize, piece.end / kPageSize);
}

// The part of a piece in one page: [begin, end), relative to the start of the page.
struct PagePart {
  std::size_t begin = 0;
  std::size_t end = 0;
  constexpr std::size_t size() const { return end - begin; }
};
constexpr PagePart part_in_page(const Piece& piece, std::size_t page) {
  const std::size_t start = page * kPageSize;
  const std::size_t begin = std::max(piece.begin, start);
  const std::size_t end = std::min(piece.end, start + kPageSize);
  return begin < end ? PagePart{begin - start, end - start} : PagePart{};
}

// Returns the longest prefix of `piece` in which at most `most` pages are missing from `existing`.
constexpr Piece shortened(Piece piece, PageMask existing, std::size_t most) {
  for (std::size_t page = piece.begin / kPageSize; page * kPageSize < piece.end; ++page) {
    if (has_page(existing, page)) continue;
    if (most == 0) {
      piece.end = std::max(piece.begin, page * kPageSize);
      break;
    }
    --most;
  }
  return piece;
}

// Pages [first, last) of a file.
struct PageSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  constexpr std::uint64_t size() const { return last - first; }
};
// Returns the pages that [begin, end) touches.
constexpr PageSpan pages_touched(std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t last = end / kPageSize + (end % kPageSize != 0 ? 1 : 0);
  return {begin / kPageSize, last};
}

// Returns offset + length, but at most `most`.
constexpr std::uint64_t end_of(std::uint64_t offset, std::uint64_t length, std::uint64_t most) {
  return offset >= most || length > most - offset ? most : offset + length;
}

// Returns whether [a, a + length) and [b, b + length) overlap.
constexpr bool overlap(std::uint64_t a, std::uint64_t b, std::uint64_t length) {
  return a < b ? b - a < length : a - b < length;
}

}  // namespace scratchfs::content
