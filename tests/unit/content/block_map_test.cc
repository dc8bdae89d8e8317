#include "fs/content/block_map.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <random>

#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

class BlockMapTest : public ::testing::Test {
 protected:
  // Makes a block with the pages in `mask`.
  store::BlockPtr block(PageMask mask) {
    store::BlockPtr made = machine_.store->new_block();
    auto pin = machine_.store->pin(*made, store::Access::write);
    EXPECT_TRUE(pin);
    for (unsigned page = 0; page < kPagesPerBlock; ++page) {
      if (!has_page(mask, page)) continue;
      auto grant = machine_.store->take_frames(1);
      EXPECT_TRUE(grant);
      pin->add_page(page, *grant, false);
    }
    return made;
  }

  Machine machine_;
};

TEST_F(BlockMapTest, FindsWhatWasPutAnywhereInTheLargestFile) {
  BlockMap map(*machine_.store);
  const std::uint64_t far = kMaxSize / kBlockSize;
  map.put(0, block(0b1));
  map.put(far, block(0b11));
  EXPECT_NE(map.find(0), nullptr);
  EXPECT_NE(map.find(far), nullptr);
  EXPECT_EQ(map.find(1), nullptr);
  EXPECT_EQ(map.find(far - 1), nullptr);
  EXPECT_EQ(map.pages(), 3U);
  EXPECT_EQ(map.next(1)->index, far);
  EXPECT_FALSE(map.next(far + 1));
}

TEST_F(BlockMapTest, AnswersTheBlockThatAnotherDisplaces) {
  BlockMap map(*machine_.store);
  EXPECT_EQ(map.put(7, block(0b1)), nullptr);
  const store::Block* const first = map.find(7);
  const store::BlockPtr displaced = map.put(7, block(0b111));
  EXPECT_EQ(displaced.get(), first);
  EXPECT_EQ(map.pages(), 3U);
}

TEST_F(BlockMapTest, IsEmptyAfterItsLastBlockIsTaken) {
  BlockMap map(*machine_.store);
  map.put(70, block(0b1));
  const std::uint64_t used = machine_.store->stats().memory_used;
  EXPECT_FALSE(map.empty());
  EXPECT_NE(map.take(70), nullptr);
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.pages(), 0U);
  EXPECT_LT(machine_.store->stats().memory_used, used);
}

TEST_F(BlockMapTest, CountsItselfInTheBudgetAndFreesAllOfItAtItsEnd) {
  {
    BlockMap map(*machine_.store);
    for (std::uint64_t i = 0; i < 10; ++i) map.put(i * 1000, block(0b1));
    EXPECT_GT(machine_.store->stats().memory_used, 10 * kPageSize);
    EXPECT_LT(machine_.store->stats().memory_used, 10 * (kPageSize + 1024));
  }
  EXPECT_EQ(machine_.store->stats().memory_used, 0U);
}

TEST_F(BlockMapTest, AgreesWithASimpleMapUnderRandomChanges) {
  BlockMap map(*machine_.store);
  std::map<std::uint64_t, PageMask> model;  // block -> pages
  std::minstd_rand random(4711);
  const auto pick = [&random](std::uint64_t below) { return random() % below; };
  const auto model_pages = [&model](std::uint64_t first, std::uint64_t last) {
    std::uint64_t count = 0;
    for (std::uint64_t page = first; page < last; ++page) {
      const auto found = model.find(page / kPagesPerBlock);
      if (found != model.end() && has_page(found->second, page % kPagesPerBlock)) ++count;
    }
    return count;
  };

  constexpr std::uint64_t kBlocks = 300;  // several chunks, the last one incomplete
  for (int round = 0; round < 3000; ++round) {
    const std::uint64_t index = pick(kBlocks);
    switch (pick(8)) {
      case 0:
      case 1:
      case 2: {
        const auto mask = static_cast<PageMask>(1U << pick(16));
        map.put(index, block(mask));
        model[index] = mask;
        break;
      }
      case 3:
        if (model.erase(index) > 0) map.take(index);
        break;
      case 4: {
        if (round % 10 != 0) break;
        const std::uint64_t last = index + pick(kBlocks);
        const BlockMap cut = map.cut(index, last);
        std::uint64_t pages = 0;
        for (auto at = model.lower_bound(index); at != model.end() && at->first < last;) {
          pages += static_cast<unsigned>(std::popcount(at->second));
          EXPECT_NE(cut.find(at->first), nullptr);
          at = model.erase(at);
        }
        EXPECT_EQ(cut.pages(), pages);
        break;
      }
      default: {
        const std::uint64_t first = pick(kBlocks * kPagesPerBlock);
        const std::uint64_t last = first + pick(kBlocks * kPagesPerBlock);
        EXPECT_EQ(map.pages_in({first, last}), model_pages(first, last));
        const auto next = map.next_page(first);
        if (next) {
          EXPECT_EQ(model_pages(first, *next), 0U);
          EXPECT_EQ(model_pages(*next, *next + 1), 1U);
        } else {
          EXPECT_EQ(model_pages(first, kBlocks * kPagesPerBlock), 0U);
        }
        const std::uint64_t hole = map.next_hole(first);
        EXPECT_EQ(model_pages(first, hole), hole - first);
        EXPECT_EQ(model_pages(hole, hole + 1), 0U);
      }
    }
    ASSERT_EQ(map.empty(), model.empty());
  }
  EXPECT_EQ(map.pages(), model_pages(0, kBlocks * kPagesPerBlock));
}

TEST_F(BlockMapTest, SkipsFullChunksWhenItLooksForAHole) {
  Machine roomy(0, 32 * kMiB);
  BlockMap map(*roomy.store);
  for (std::uint64_t index = 0; index < 3 * 64; ++index) {
    store::BlockPtr full = roomy.store->new_block();
    auto pin = roomy.store->pin(*full, store::Access::write);
    auto grant = roomy.store->take_frames(kPagesPerBlock);
    ASSERT_TRUE(pin && grant);
    for (unsigned page = 0; page < kPagesPerBlock; ++page) pin->add_page(page, *grant, false);
    map.put(index, std::move(full));
  }
  const std::uint64_t end = 3 * 64 * kPagesPerBlock;
  EXPECT_EQ(map.next_hole(5), end);
  {
    auto pin = roomy.store->pin(*map.find(100), store::Access::write);
    ASSERT_TRUE(pin);
    pin->drop_pages(0b100);
    map.count(100, {-1, -1});
  }
  EXPECT_EQ(map.next_hole(5), 100 * kPagesPerBlock + 2);
  EXPECT_EQ(map.next_hole(100 * kPagesPerBlock + 3), end);
  EXPECT_EQ(map.pages(), end - 1);
}

}  // namespace
}  // namespace scratchfs::content
