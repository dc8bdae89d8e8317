// The store as its owner sees it: what is written comes back, whatever was spilled and fetched in
// between.
#include "fs/store/store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/fakes/fake_disk.h"
#include "tests/fakes/fake_pressure.h"

namespace scratchfs::store {
namespace {

using base::Errno;
using fakes::FakeDisk;
using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;

// What page `page` of block `number` holds; different in every page.
std::uint64_t pattern(std::uint64_t number, unsigned page, std::uint64_t word) {
  return (number * 0x9e3779b97f4a7c15ULL + page) * 0xff51afd7ed558ccdULL ^ word;
}

void fill(std::byte* page, std::uint64_t number, unsigned index) {
  for (std::size_t word = 0; word < kPageSize / 8; ++word) {
    const std::uint64_t value = pattern(number, index, word);
    std::memcpy(page + word * 8, &value, 8);
  }
}

bool holds(const std::byte* page, std::uint64_t number, unsigned index) {
  for (std::size_t word = 0; word < kPageSize / 8; ++word) {
    const std::uint64_t value = pattern(number, index, word);
    if (std::memcmp(page + word * 8, &value, 8) != 0) return false;
  }
  return true;
}

template <typename Condition>
bool soon(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < until) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return condition();
}

class StoreTest : public testing::Test {
 protected:
  void open(std::uint64_t memory, std::uint64_t spill) {
    auto made = Store::create({.memory = memory, .spill = spill, .spill_directory = &disk});
    ASSERT_TRUE(made) << made.error().value();
    store = *std::move(made);
  }

  base::Result<Pin> pin(Block& block, Access access) {
    auto pinned = store->pin(block, access);
    if (!pinned.is(base::kWouldBlock)) return pinned;
    const Hold hold = store->hold(block);
    return store->fetch(hold, access);
  }

  // A block with the pages of `mask`, filled; an errno if no frame can be had.
  base::Result<BlockPtr> make(std::uint64_t number, PageMask mask = 0xffff) {
    BlockPtr block = store->new_block();
    auto grant = store->take_frames(static_cast<unsigned>(std::popcount(mask)));
    if (!grant) return grant.error();
    auto pinned = store->pin(*block, Access::write);
    if (!pinned) return pinned.error();
    for (unsigned page = 0; page < kPagesPerBlock; ++page) {
      if ((mask >> page & 1) != 0) fill(pinned->add_page(page, *grant, true), number, page);
    }
    return block;
  }

  testing::AssertionResult intact(Block& block, std::uint64_t number, PageMask mask = 0xffff) {
    if (Store::pages(block) != mask)
      return testing::AssertionFailure() << "pages " << Store::pages(block);
    auto pinned = pin(block, Access::read);
    if (!pinned)
      return testing::AssertionFailure()
             << "block " << number << ": errno " << pinned.error().value();
    for (unsigned page = 0; page < kPagesPerBlock; ++page) {
      const std::byte* bytes = pinned->page(page);
      if ((bytes != nullptr) != ((mask >> page & 1) != 0))
        return testing::AssertionFailure() << "page " << page;
      if (bytes != nullptr && !holds(bytes, number, page))
        return testing::AssertionFailure() << "wrong bytes " << page;
    }
    return testing::AssertionSuccess();
  }

  bool in_memory(Block& block) { return static_cast<bool>(store->pin(block, Access::read)); }

  void expect_empty() {
    // A block that is being encrypted is freed when that is done, a slot that is being written when
    // the write ends.
    EXPECT_TRUE(soon([&] { return store->stats().memory_used == 0; }))
        << store->stats().memory_used;
    EXPECT_TRUE(soon([&] { return store->stats().spilled == 0; })) << store->stats().spilled;
    EXPECT_TRUE(soon([&] { return disk.allocated_bytes() == 0; })) << disk.allocated_bytes();
  }

  FakeDisk disk;
  std::unique_ptr<Store> store;
};

TEST_F(StoreTest, RefusesABudgetBelowTheSmallest) {
  EXPECT_TRUE(Store::create({.memory = kMinBudget - 1, .spill = 0}).is(Errno{EINVAL}));
}

TEST_F(StoreTest, GrowsAndShrinksWithAllThatItHolds) {
  auto made = Store::create({.memory = kMinBudget,
                             .spill = 256 * kMiB,
                             .most_memory = 4 * kMinBudget,
                             .spill_directory = &disk});
  ASSERT_TRUE(made);
  store = *std::move(made);
  EXPECT_TRUE(store->set_memory(kMinBudget - 1).is(Errno{EINVAL}));
  EXPECT_TRUE(store->set_memory(4 * kMinBudget + kPageSize).is(Errno{ENOMEM}));
  ASSERT_TRUE(store->set_memory(4 * kMinBudget));
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 3 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  EXPECT_EQ(store->stats().spilled, 0U) << "there is room for all of it";
  ASSERT_TRUE(store->set_memory(kMinBudget));
  EXPECT_EQ(store->stats().budget, kMinBudget);
  for (std::uint64_t i = 0; i < kMinBudget / kBlockSize; ++i) {
    auto block = make(blocks.size());
    ASSERT_TRUE(block) << "a writer waits, and does not fail";
    blocks.push_back(*std::move(block));
    ASSERT_TRUE(intact(*blocks[i], i)) << "what is there can be read meanwhile";
  }
  EXPECT_TRUE(soon([&] { return store->stats().memory_used <= kMinBudget; }));
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
  blocks.clear();
  expect_empty();
}

TEST_F(StoreTest, RefusesABudgetThatWhatIsThereDoesNotFitIn) {
  auto made = Store::create({.memory = 2 * kMinBudget, .spill = 0});
  store = *std::move(made);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < kMinBudget / kBlockSize + 1; ++i) blocks.push_back(*make(i));
  EXPECT_TRUE(store->set_memory(kMinBudget).is(Errno{EBUSY}));
  EXPECT_EQ(store->stats().budget, 2 * kMinBudget);
  blocks.pop_back();
  EXPECT_TRUE(store->set_memory(kMinBudget));
  EXPECT_TRUE(store->try_take_frames(1).is(Errno{ENOSPC}));
}

TEST_F(StoreTest, ChangesTheSpillLimit) {
  open(kMinBudget, kMiB);
  std::vector<BlockPtr> blocks;
  while (true) {
    auto block = make(blocks.size());
    if (!block) break;
    blocks.push_back(*std::move(block));
    ASSERT_LE(blocks.size(), 2 * kMinBudget / kBlockSize);
  }
  ASSERT_TRUE(store->set_spill(64 * kMiB));
  for (int i = 0; i < 64; ++i) {
    auto block = make(blocks.size());
    ASSERT_TRUE(block);
    blocks.push_back(*std::move(block));
  }
  ASSERT_TRUE(store->set_spill(0));
  EXPECT_LT(store->free_bytes(), kMinBudget) << "what is spilled beyond a limit is no room";
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
  blocks.clear();
  expect_empty();
  open(kMinBudget, 0);
  EXPECT_TRUE(store->set_spill(kMiB).is(Errno{EINVAL}));
}

TEST_F(StoreTest, SpillsEarlierWhileTheMachineIsShortOfMemory) {
  fakes::FakePressure pressure;
  auto made = Store::create({.memory = 4 * kMinBudget,
                             .spill = 256 * kMiB,
                             .spill_directory = &disk,
                             .pressure = &pressure});
  ASSERT_TRUE(made);
  store = *std::move(made);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 3 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  const StoreStats before = store->stats();
  EXPECT_EQ(before.spilled, 0U);
  EXPECT_FALSE(before.under_pressure);
  for (int i = 0; i < 4; ++i) pressure.tell(true);
  EXPECT_TRUE(soon([&] { return store->stats().target == before.target - 2 * kMinBudget; }));
  EXPECT_TRUE(store->stats().under_pressure);
  EXPECT_TRUE(soon([&] { return store->stats().memory_used <= before.target - 2 * kMinBudget; }));
  EXPECT_TRUE(soon([&] { return store->stats().reserve == 0; })) << store->stats().reserve;
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
  for (int i = 0; i < 4; ++i) pressure.tell(false);
  EXPECT_TRUE(soon([&] { return store->stats().target == before.target; }));
  EXPECT_TRUE(soon([&] { return !store->stats().under_pressure; }));
  blocks.clear();
  expect_empty();
  store.reset();  // before the pressure that it asks
}

TEST_F(StoreTest, TellsWhyNoSpillFileCanBeMade) {
  disk.fail_creates(EROFS);
  EXPECT_TRUE(Store::create({.memory = kMinBudget, .spill = kMiB, .spill_directory = &disk})
                  .is(Errno{EROFS}));
}

TEST_F(StoreTest, GivesBackWhatWasWritten) {
  open(kMinBudget, 64 * kMiB);
  auto block = make(7, 0b1010'0000'0000'0101);
  ASSERT_TRUE(block);
  EXPECT_TRUE(intact(**block, 7, 0b1010'0000'0000'0101));
  EXPECT_EQ(store->stats().memory_used, 4 * kPageSize);
  block->reset();
  expect_empty();
}

TEST_F(StoreTest, ZeroesANewPageUnlessItWillBeFilled) {
  open(kMinBudget, 0);
  for (int round = 0; round < 3; ++round) {
    auto block = make(1, 1);
    ASSERT_TRUE(block);
    block->reset();
    BlockPtr fresh = store->new_block();
    auto grant = store->take_frames(1);
    auto pinned = store->pin(*fresh, Access::write);
    const std::byte* page = pinned->add_page(3, *grant, false);
    EXPECT_TRUE(std::all_of(page, page + kPageSize, [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST_F(StoreTest, CountsWhatAGrantHoldsUntilItEnds) {
  open(kMinBudget, 0);
  {
    auto grant = store->try_take_frames(5);
    ASSERT_TRUE(grant);
    EXPECT_EQ(store->stats().memory_used, 5 * kPageSize);
    FrameGrant moved = *std::move(grant);
    EXPECT_EQ(moved.size(), 5U);
  }
  EXPECT_EQ(store->stats().memory_used, 0U);
}

TEST_F(StoreTest, FreesTheFramesOfDroppedPagesAtOnce) {
  open(kMinBudget, 0);
  auto block = make(1);
  {
    auto pinned = store->pin(**block, Access::write);
    pinned->drop_pages(0x00f0);
    EXPECT_EQ(pinned->page(4), nullptr);
    EXPECT_TRUE(holds(pinned->page(8), 1, 8));
  }
  EXPECT_EQ(store->stats().memory_used, 12 * kPageSize);
  EXPECT_EQ(Store::pages(**block), 0xff0f);
}

TEST_F(StoreTest, AnswersEnospcWhenMemoryIsFullAndNothingMaySpill) {
  open(kMinBudget, 0);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  EXPECT_TRUE(store->try_take_frames(1).is(Errno{ENOSPC}));
  EXPECT_TRUE(store->take_frames(1).is(Errno{ENOSPC}));
  EXPECT_EQ(store->free_bytes(), 0U);
  blocks.pop_back();
  EXPECT_TRUE(store->try_take_frames(16));
}

TEST_F(StoreTest, CarriesFourTimesItsBudgetWithinIt) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 4 * kMinBudget / kBlockSize; ++i) {
    auto block = make(i);
    ASSERT_TRUE(block) << i;
    blocks.push_back(*std::move(block));
    ASSERT_LE(store->stats().memory_used, kMinBudget);
  }
  EXPECT_GT(store->stats().spilled, 2 * kMinBudget);
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
  }
  EXPECT_GT(store->stats().blocks_fetched, 0U);
  EXPECT_LE(store->stats().memory_used, kMinBudget);
  blocks.clear();
  expect_empty();
}

TEST_F(StoreTest, PacksTheMasksOfSparseBlocks) {
  open(kMinBudget, 256 * kMiB);
  std::vector<std::pair<BlockPtr, PageMask>> blocks;
  std::uint64_t pages = 0;
  for (std::uint64_t i = 0; pages < 4 * kMinBudget / kPageSize; ++i) {
    const auto mask = static_cast<PageMask>(i * 2654435761U % 65535 + 1);
    auto block = make(i, mask);
    ASSERT_TRUE(block);
    blocks.emplace_back(*std::move(block), mask);
    pages += static_cast<std::uint64_t>(std::popcount(mask));
  }
  for (std::uint64_t i = 0; i < blocks.size(); ++i)
    ASSERT_TRUE(intact(*blocks[i].first, i, blocks[i].second));
  blocks.clear();
  expect_empty();
}

TEST_F(StoreTest, ChangesASpilledBlockAndKeepsTheChange) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 2 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  for (std::uint64_t i = 0; i < blocks.size(); ++i) {
    auto pinned = pin(*blocks[i], Access::write);
    ASSERT_TRUE(pinned);
    for (unsigned page = 0; page < kPagesPerBlock; ++page)
      fill(pinned->writable_page(page), i + 1000, page);
  }
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i + 1000));
  blocks.clear();
  expect_empty();
}

TEST_F(StoreTest, NeverWritesPlaintextToTheDisk) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  constexpr char kSecret[] = "nobody may find these words";
  for (std::uint64_t i = 0; i < 2 * kMinBudget / kBlockSize; ++i) {
    blocks.push_back(*make(i));
    auto pinned = pin(*blocks.back(), Access::write);
    for (unsigned page = 0; page < kPagesPerBlock; ++page)
      std::memcpy(pinned->writable_page(page) + 100, kSecret, sizeof kSecret);
  }
  std::size_t pages = 0;
  disk.for_each_page([&](std::span<const std::byte> page) {
    ++pages;
    EXPECT_EQ(memmem(page.data(), page.size(), kSecret, sizeof kSecret), nullptr);
  });
  EXPECT_GT(pages, 0U);
}

TEST_F(StoreTest, RemembersAtMostOneKibPerMibSpilled) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 8 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  // All that is not spilled is in frames; the rest is what is remembered.
  const auto remembered_is_little = [&] {
    const StoreStats stats = store->stats();
    std::uint64_t resident = 0;
    for (const BlockPtr& block : blocks) resident += in_memory(*block) ? kBlockSize : 0;
    return stats.memory_used > resident && stats.memory_used <= resident + stats.spilled / 1024;
  };
  // The spiller may be at work between two looks.
  EXPECT_TRUE(soon(remembered_is_little));
}

TEST_F(StoreTest, AnswersEioForABlockThatWasChangedOnTheDiskAndGoesOn) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 2 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  Block* spilled = nullptr;
  ASSERT_TRUE(soon([&] {
    for (const BlockPtr& block : blocks) {
      if (!in_memory(*block)) spilled = block.get();
    }
    return spilled != nullptr;
  }));
  disk.corrupt_reads(true);
  const Hold hold = store->hold(*spilled);
  EXPECT_TRUE(store->fetch(hold, Access::read).is(Errno{EIO}));
  EXPECT_TRUE(store->fetch(hold, Access::write).is(Errno{EIO}));
  EXPECT_EQ(store->stats().blocks_corrupt, 2U);
  // Nothing was lost by looking.
  disk.corrupt_reads(false);
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
}

TEST_F(StoreTest, AnswersEioWhenTheDiskCannotBeRead) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 2 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  disk.fail_reads(ENXIO);
  std::size_t failed = 0;
  for (const BlockPtr& block : blocks) {
    if (in_memory(*block)) continue;
    EXPECT_TRUE(pin(*block, Access::read).is(Errno{EIO}));
    ++failed;
  }
  EXPECT_GT(failed, 0U);
  disk.fail_reads({});
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
}

class BrokenDisk : public StoreTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(, BrokenDisk, testing::Values(ENOSPC, EIO));

TEST_P(BrokenDisk, KeepsWhatWasAcceptedAndRecovers) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 2 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  disk.fail_writes(GetParam());
  std::optional<Errno> error;
  while (!error) {
    auto block = make(blocks.size());
    if (block) {
      blocks.push_back(*std::move(block));
    } else {
      error = block.error();
    }
    ASSERT_LT(blocks.size(), 4 * kMinBudget / kBlockSize);
  }
  EXPECT_EQ(error->value(), GetParam());
  // A write that was under way when the disk broke may still have made room, for some blocks more.
  EXPECT_TRUE(soon([&] {
    while (auto block = make(blocks.size())) blocks.push_back(*std::move(block));
    return store->try_take_frames(16).is(Errno{GetParam()});
  }));
  EXPECT_GT(store->stats().spill_errors, 0U);
  // Spilled blocks can be read with all memory full of what cannot leave.
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
  disk.fail_writes({});
  EXPECT_TRUE(soon([&] { return static_cast<bool>(make(0)); }));
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
  blocks.clear();
  expect_empty();
}

TEST_F(StoreTest, StopsAtTheSpillLimitAndGoesOnWhenSomethingIsDeleted) {
  open(kMinBudget, 2 * kMinBudget);
  std::vector<BlockPtr> blocks;
  while (true) {
    auto block = make(blocks.size());
    if (!block) {
      EXPECT_EQ(block.error().value(), ENOSPC);
      break;
    }
    blocks.push_back(*std::move(block));
    ASSERT_LE(blocks.size(), 3 * kMinBudget / kBlockSize);
  }
  EXPECT_GT(blocks.size(), 5 * kMinBudget / kBlockSize / 2);
  EXPECT_LE(store->stats().spilled, 2 * kMinBudget);
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
  // What is accepted can be overwritten in a full store.
  for (std::uint64_t i = 0; i < blocks.size(); ++i) {
    auto pinned = pin(*blocks[i], Access::write);
    ASSERT_TRUE(pinned) << i << " errno " << pinned.error().value();
    fill(pinned->writable_page(0), i, 0);
  }
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
  blocks.resize(blocks.size() - 4);
  EXPECT_TRUE(make(0));
  blocks.clear();
  expect_empty();
}

TEST_F(StoreTest, ReadsASlotOnceForAllWhoWait) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 2 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  std::size_t cold = 0;
  while (in_memory(*blocks[cold])) ++cold;
  // Let the spiller come to rest, so that only our read is at the gate.
  ASSERT_TRUE(soon([&] { return store->stats().memory_used <= kMinBudget - 2 * kMiB; }));
  const std::uint64_t reads = disk.reads();
  disk.close_gate();
  std::vector<std::thread> readers;
  std::atomic<int> fine{0};
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&] {
      if (intact(*blocks[cold], cold)) ++fine;
    });
  }
  disk.wait_for_requests_at_gate(1);
  std::this_thread::sleep_for(20ms);  // more readers join; none may be needed for the test to hold
  disk.open_gate();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(fine, 8);
  EXPECT_EQ(disk.reads(), reads + 1);
}

TEST_F(StoreTest, TellsAFetcherThatTheBlockWasDropped) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 2 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  std::size_t cold = 0;
  while (in_memory(*blocks[cold])) ++cold;
  ASSERT_TRUE(soon([&] { return store->stats().memory_used <= kMinBudget - 2 * kMiB; }));
  disk.close_gate();
  std::thread reader([&, hold = store->hold(*blocks[cold])] {
    EXPECT_TRUE(store->fetch(hold, Access::read).is(Errno{ECANCELED}));
  });
  disk.wait_for_requests_at_gate(1);
  blocks[cold].reset();
  disk.open_gate();
  reader.join();
  blocks.clear();
  expect_empty();
}

TEST_F(StoreTest, CancelsTheWriteOfABlockThatIsWrittenToOrDropped) {
  open(kMinBudget, 256 * kMiB);
  disk.close_gate();
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < (kMinBudget - kMiB) / kBlockSize; ++i) blocks.push_back(*make(i));
  disk.wait_for_requests_at_gate(1);
  for (std::uint64_t i = 0; i < blocks.size(); ++i) {
    if (i % 2 == 0) {
      blocks[i].reset();
      continue;
    }
    auto pinned = store->pin(*blocks[i], Access::write);
    ASSERT_TRUE(pinned) << "a block being written is still in memory";
    for (unsigned page = 0; page < kPagesPerBlock; ++page)
      fill(pinned->writable_page(page), i + 5000, page);
  }
  disk.open_gate();
  for (std::uint64_t i = 1; i < blocks.size(); i += 2) ASSERT_TRUE(intact(*blocks[i], i + 5000));
  blocks.clear();
  EXPECT_TRUE(soon([&] { return store->stats().spilled == 0; }));
  expect_empty();
}

TEST_F(StoreTest, KeepsADroppedBlockForWhoeverHasItPinned) {
  open(kMinBudget, 256 * kMiB);
  auto block = make(3);
  auto pinned = store->pin(**block, Access::read);
  block->reset();
  EXPECT_EQ(store->stats().memory_used, kBlockSize);
  EXPECT_TRUE(holds(pinned->page(15), 3, 15));
  *pinned = Pin();
  expect_empty();
}

TEST_F(StoreTest, CountsSmallContentsInTheBudget) {
  open(kMinBudget, 0);
  ASSERT_TRUE(store->add_small(1000));
  EXPECT_EQ(store->stats().memory_used, 1000U);
  EXPECT_TRUE(store->add_small(kMinBudget).is(Errno{ENOSPC}));
  store->remove_small(1000);
  EXPECT_EQ(store->stats().memory_used, 0U);
}

TEST_F(StoreTest, SpillsToMakeRoomForSmallContents) {
  open(kMinBudget, 256 * kMiB);
  std::vector<BlockPtr> blocks;
  for (std::uint64_t i = 0; i < 2 * kMinBudget / kBlockSize; ++i) blocks.push_back(*make(i));
  std::uint64_t small = 0;
  EXPECT_TRUE(soon([&] {
    while (small < 4 * kMiB && store->add_small(4096)) small += 4096;
    return small == 4 * kMiB;
  }));
  EXPECT_LE(store->stats().memory_used, kMinBudget);
  for (std::uint64_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(*blocks[i], i));
  store->remove_small(small);
  blocks.clear();
  expect_empty();
}

}  // namespace
}  // namespace scratchfs::store
