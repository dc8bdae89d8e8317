#include "fs/content/ranges.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace scratchfs::content {
namespace {

constexpr std::uint64_t kMost = 0x7fff'ffff'ffff'ffff;

constexpr PageMask kAllPages = 0xffff;
static_assert(kPagesPerBlock == 16, "kAllPages has a bit for each page of a block");

TEST(Ranges, CutsARangeIntoOnePieceABlock) {
  const Piece head = first_piece(kBlockSize - 10, 100);
  EXPECT_EQ(head.block, 0U);
  EXPECT_EQ(head.begin, kBlockSize - 10);
  EXPECT_EQ(head.end, kBlockSize);
  EXPECT_EQ(head.offset(), kBlockSize - 10);
  const Piece tail = first_piece(kBlockSize, 90);
  EXPECT_EQ(tail.block, 1U);
  EXPECT_EQ(tail.begin, 0U);
  EXPECT_EQ(tail.size(), 90U);
}

TEST(Ranges, ReachesTheEndOfTheLargestFile) {
  const Piece last = first_piece(kMost - 1, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(last.block, kMost / kBlockSize);
  EXPECT_EQ(last.end, kBlockSize);
  EXPECT_EQ(last.offset(), kMost - 1);
}

TEST(Ranges, TellsTouchedPagesFromCoveredOnes) {
  const Piece piece{.block = 0, .begin = 100, .end = 3 * kPageSize + 1};
  EXPECT_EQ(touched(piece), 0b1111);
  EXPECT_EQ(covered(piece), 0b0110);
  EXPECT_EQ(touched({0, 0, kBlockSize}), kAllPages);
  EXPECT_EQ(covered({0, 0, kBlockSize}), kAllPages);
  const Piece inside{.block = 0, .begin = kPageSize + 1, .end = 2 * kPageSize - 1};
  EXPECT_EQ(touched(inside), 0b0010);
  EXPECT_EQ(covered(inside), 0);
}

TEST(Ranges, AgreesWithCountingBytesForEveryEdge) {
  std::vector<std::size_t> edges;
  for (std::size_t page = 0; page <= kPagesPerBlock; ++page) {
    for (const std::ptrdiff_t near : {-1, 0, 1}) {
      const std::ptrdiff_t edge = static_cast<std::ptrdiff_t>(page * kPageSize) + near;
      if (edge >= 0 && edge <= static_cast<std::ptrdiff_t>(kBlockSize)) {
        edges.push_back(static_cast<std::size_t>(edge));
      }
    }
  }
  for (const std::size_t begin : edges) {
    for (const std::size_t end : edges) {
      if (begin >= end) continue;
      const Piece piece{0, begin, end};
      std::size_t sum = 0;
      for (std::size_t page = 0; page < kPagesPerBlock; ++page) {
        const PagePart part = part_in_page(piece, page);
        sum += part.size();
        EXPECT_EQ(has_page(touched(piece), page), part.size() > 0);
        EXPECT_EQ(has_page(covered(piece), page), part.size() == kPageSize);
      }
      EXPECT_EQ(sum, piece.size());
    }
  }
}

TEST(Ranges, ShortensAPieceToThePagesThatFit) {
  const Piece piece{.block = 3, .begin = 100, .end = 5 * kPageSize};
  EXPECT_EQ(shortened(piece, 0, 5).end, piece.end);
  EXPECT_EQ(shortened(piece, 0, 2).end, 2 * kPageSize);
  EXPECT_EQ(shortened(piece, 0, 0).size(), 0U);
  EXPECT_EQ(shortened(piece, 0b00011, 0).end, 2 * kPageSize);
  EXPECT_EQ(shortened(piece, 0b00101, 1).end, 3 * kPageSize);
  EXPECT_EQ(shortened(piece, kAllPages, 0).end, piece.end);
}

TEST(Ranges, RoundsPageSpansOutwards) {
  EXPECT_EQ(pages_touched(0, 1).size(), 1U);
  EXPECT_EQ(pages_touched(kPageSize - 1, kPageSize + 1).size(), 2U);
  EXPECT_EQ(pages_touched(kPageSize, 2 * kPageSize).first, 1U);
  EXPECT_EQ(pages_touched(0, kMost).last, kMost / kPageSize + 1);
}

TEST(Ranges, StopsAtTheMostInsteadOfOverflowing) {
  EXPECT_EQ(end_of(10, 20, kMost), 30U);
  EXPECT_EQ(end_of(10, std::numeric_limits<std::uint64_t>::max(), kMost), kMost);
  EXPECT_EQ(end_of(kMost, 1, kMost), kMost);
  EXPECT_EQ(end_of(std::numeric_limits<std::uint64_t>::max(), 5, kMost), kMost);
}

TEST(Ranges, KnowsWhichRangesOverlap) {
  EXPECT_TRUE(overlap(0, 9, 10));
  EXPECT_TRUE(overlap(9, 0, 10));
  EXPECT_TRUE(overlap(5, 5, 1));
  EXPECT_FALSE(overlap(0, 10, 10));
  EXPECT_FALSE(overlap(10, 0, 10));
}

}  // namespace
}  // namespace scratchfs::content
