// Read-ahead by the threads of the fetch pool.
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/store/spilled_store.h"

namespace scratchfs::store {
namespace {

using ReaderTest = SpilledStore;

TEST_F(ReaderTest, BringsBlocksBackBeforeTheyAreAskedFor) {
  ASSERT_EQ(in_memory_of(0, 16), 0U);
  store->read_ahead(std::span(all).first(16));
  EXPECT_TRUE(soon([&] { return in_memory_of(0, 16) == 16; }));
  for (std::size_t i = 0; i < 16; ++i) EXPECT_TRUE(intact(*all[i], i));
}

TEST_F(ReaderTest, ReadsNeighboursInOnePiece) {
  const std::uint64_t before = disk.reads();
  store->read_ahead(std::span(all).first(16));
  ASSERT_TRUE(soon([&] { return in_memory_of(0, 16) == 16; }));
  // How many blocks are adjacent on the disk depends on how the two spiller threads alternated.
  EXPECT_LT(disk.reads() - before, 16U);
}

TEST_F(ReaderTest, LeavesWhatIsInMemoryAlone) {
  const std::uint64_t before = disk.reads();
  store->read_ahead(std::span(all).last(4));
  ASSERT_EQ(in_memory_of(kBlocks - 4, 4), 4U);
  EXPECT_EQ(disk.reads(), before);
}

TEST_F(ReaderTest, WhoNeedsABlockMeanwhileGetsIt) {
  disk.close_gate();
  store->read_ahead(std::span(all).first(16));
  disk.wait_for_requests_at_gate(1);
  std::thread read_ahead([&] { EXPECT_TRUE(intact(*all[0], 0)); });
  disk.open_gate();
  read_ahead.join();
}

TEST_F(ReaderTest, BlocksMayGoWhileTheyAreRead) {
  disk.close_gate();
  store->read_ahead(std::span(all).first(64));
  disk.wait_for_requests_at_gate(1);
  blocks.clear();
  disk.open_gate();
  EXPECT_TRUE(soon([&] { return store->stats().memory_used == 0; }));
}

TEST_F(ReaderTest, AFailedReadIsForThoseWhoAskAndTheNextOneWorks) {
  disk.fail_reads(EIO);
  const std::uint64_t before = disk.reads();
  store->read_ahead(std::span(all).first(4));
  ASSERT_TRUE(soon([&] { return disk.reads() > before; }));
  disk.fail_reads(std::nullopt);
  EXPECT_TRUE(soon([&] {
    auto pin = store->fetch(store->hold(*all[0]), Access::read);
    return static_cast<bool>(pin);
  }));
  EXPECT_TRUE(intact(*all[0], 0));
}

TEST_F(ReaderTest, ReadingAheadNeverTakesMoreThanTheBudget) {
  for (std::size_t first = 0; first + 64 <= kBlocks; first += 64)
    store->read_ahead(std::span(all).subspan(first, 64));
  for (std::size_t i = 0; i < kBlocks; ++i) {
    EXPECT_TRUE(intact(*all[i], i));
    EXPECT_LE(store->stats().memory_used, kMemory);
  }
}

}  // namespace
}  // namespace scratchfs::store
