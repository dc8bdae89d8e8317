#include "fs/store/reader.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/spilled_store.h"

namespace scratchfs::store {
namespace {

using ReaderTest = SpilledStore;

TEST_F(ReaderTest, BringsBlocksBackBeforeTheyAreAskedFor) {
  ASSERT_EQ(in_memory(0, 16), 0U);
  store_->read_ahead(std::span(all_).first(16));
  EXPECT_TRUE(soon([&] { return in_memory(0, 16) == 16; }));
  for (std::size_t i = 0; i < 16; ++i) expect_bytes(i);
}

TEST_F(ReaderTest, ReadsNeighboursInOnePiece) {
  const std::uint64_t before = disk_.reads();
  store_->read_ahead(std::span(all_).first(16));
  ASSERT_TRUE(soon([&] { return in_memory(0, 16) == 16; }));
  // How many are neighbours depends on how the two spillers took turns.
  EXPECT_LE(disk_.reads() - before, 13U);
}

TEST_F(ReaderTest, LeavesWhatIsInMemoryAlone) {
  const std::uint64_t before = disk_.reads();
  store_->read_ahead(std::span(all_).last(4));
  ASSERT_EQ(in_memory(kBlocks - 4, 4), 4U);
  EXPECT_EQ(disk_.reads(), before);
}

TEST_F(ReaderTest, WhoNeedsABlockMeanwhileGetsIt) {
  disk_.close_gate();
  store_->read_ahead(std::span(all_).first(16));
  disk_.wait_for_requests_at_gate(1);
  std::thread reader([&] { expect_bytes(0); });
  disk_.open_gate();
  reader.join();
}

TEST_F(ReaderTest, BlocksMayGoWhileTheyAreRead) {
  disk_.close_gate();
  store_->read_ahead(std::span(all_).first(64));
  disk_.wait_for_requests_at_gate(1);
  blocks_.clear();
  disk_.open_gate();
  EXPECT_TRUE(soon([&] { return store_->stats().memory_used == 0; }));
}

TEST_F(ReaderTest, AFailedReadIsForThoseWhoAskAndTheNextOneWorks) {
  disk_.fail_reads(EIO);
  const std::uint64_t before = disk_.reads();
  store_->read_ahead(std::span(all_).first(4));
  ASSERT_TRUE(soon([&] { return disk_.reads() > before; }));
  disk_.fail_reads(std::nullopt);
  EXPECT_TRUE(soon([&] {
    auto pin = store_->fetch(store_->hold(*all_[0]), Access::read);
    return static_cast<bool>(pin);
  }));
  expect_bytes(0);
}

TEST_F(ReaderTest, ReadingAheadNeverTakesMoreThanTheBudget) {
  for (std::size_t first = 0; first + 64 <= kBlocks; first += 64)
    store_->read_ahead(std::span(all_).subspan(first, 64));
  for (std::size_t i = 0; i < kBlocks; ++i) {
    expect_bytes(i);
    EXPECT_LE(store_->stats().memory_used, kMemory);
  }
}

}  // namespace
}  // namespace scratchfs::store
