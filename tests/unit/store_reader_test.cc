#include "fs/store/reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "fs/store/store.h"
#include "tests/fakes/fake_disk.h"

namespace scratchfs::store {
namespace {

using namespace std::chrono_literals;
using fakes::FakeDisk;

constexpr std::uint64_t kMiB = 1 << 20;

template <typename Condition>
bool soon(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!condition() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
  return condition();
}

// A store with `kMemory` of memory and four times that in blocks, the first of which are spilled.
class ReaderTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kMemory = 16 * kMiB;
  static constexpr std::size_t kBlocks = 4 * kMemory / kBlockSize;

  ReaderTest() {
    store_ = *Store::create({.memory = kMemory, .spill = 256 * kMiB, .spill_directory = &disk_});
    for (std::size_t i = 0; i < kBlocks; ++i) {
      auto grant = store_->take_frames(kPagesPerBlock);
      BlockPtr block = store_->new_block();
      auto pin = store_->pin(*block, Access::write);
      for (unsigned page = 0; page < kPagesPerBlock; ++page)
        std::memset(pin->add_page(page, *grant, true), static_cast<int>(i % 251), kPageSize);
      all_.push_back(block.get());
      blocks_.push_back(std::move(block));
    }
  }
  bool is_in_memory(std::size_t i) {
    return static_cast<bool>(store_->pin(*all_[i], Access::read));
  }
  std::size_t in_memory(std::size_t first, std::size_t count) {
    std::size_t found = 0;
    for (std::size_t i = first; i < first + count; ++i) found += is_in_memory(i) ? 1U : 0U;
    return found;
  }
  void expect_bytes(std::size_t i) {
    auto pin = store_->fetch(store_->hold(*all_[i]), Access::read);
    ASSERT_TRUE(pin);
    for (unsigned page = 0; page < kPagesPerBlock; ++page)
      EXPECT_EQ(pin->page(page)[page * 7], static_cast<std::byte>(i % 251)) << "block " << i;
  }

  FakeDisk disk_;
  std::unique_ptr<Store> store_;
  std::vector<Block*> all_;
  std::vector<BlockPtr> blocks_;
};

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
