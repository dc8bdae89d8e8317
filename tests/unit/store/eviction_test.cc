// Which blocks stay in memory while others stream past. The tests make every step of the spiller
// themselves, so that all runs are alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <vector>

#include "tests/unit/store/store_parts_fixture.h"

namespace scratchfs::store {
namespace {

class EvictionTest : public PartsTest {
 protected:
  static constexpr std::uint64_t kBudget = 16 << 20;
  static constexpr std::size_t kBudgetBlocks = kBudget / kBlockSize;

  EvictionTest() : PartsTest(kBudget, 32 * kBudget) {}

  void TearDown() override {
    for (Block* block : all) blocks->drop(*block);
    EXPECT_EQ(budget.counts().used, 0U);
  }

  // Evicts blocks as the spiller does until memory is down to the target.
  void spill() {
    while (budget.counts().used > budget.marks().target) {
      leaving.clear();
      const std::uint64_t wanted = budget.counts().used - budget.marks().target;
      const auto choice = blocks->choose(wanted, wanted + kBatch, true, kBatch, leaving);
      for (Leaving& entry : leaving) {
        ASSERT_TRUE(seal(entry));
        write_out(entry);
        ASSERT_EQ(blocks->written(entry), kBlockSize);
      }
      budget.left(choice.leaving, true, true);
      ASSERT_GT(choice.evicted + choice.leaving, 0U);
    }
  }

  void pin(Block& block, Access access, unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
      ASSERT_TRUE(blocks->pin(block, access));
      blocks->unpin(block);
    }
  }

  // Writes a new block in `calls` calls, as part of a stream.
  Block* write(unsigned calls) {
    spill();
    Block* block = make(0xffff);
    pin(*block, Access::write, calls);
    all.push_back(block);
    return block;
  }

  // Reads the block in `calls` calls; returns whether it was in memory.
  bool read(Block& block, unsigned calls) {
    const bool there = block.in_memory();
    if (!there) {
      spill();
      blocks->hold(block);
      EXPECT_TRUE(blocks->fetch(block, Access::read));
      blocks->unhold(block);
      blocks->unpin(block);
      --calls;
    }
    pin(block, Access::read, calls);
    return there;
  }

  void read_ahead(std::span<Block* const> wanted) {
    spill();
    for (Block* block : wanted) blocks->hold(*block);
    blocks->fetch_ahead(wanted);
    for (Block* block : wanted) blocks->unhold(*block);
  }

  static std::size_t in_memory(const std::vector<Block*>& some) {
    return static_cast<std::size_t>(std::count_if(
        some.begin(), some.end(), [](const Block* block) { return block->in_memory(); }));
  }

  std::vector<Block*> all;
};

// A hot file, of size `hot_share` times the budget, is read from beginning to end while other data
// streams past: `stream_per_pass` times the budget during each pass.
struct Scan {
  const char* name;
  double hot_share;
  double stream_per_pass;
  unsigned calls_per_block;  // 1: calls of 64 KiB or more; 16: calls of 4 KiB
};
void PrintTo(const Scan& scan, std::ostream* out) { *out << scan.name; }

class Scans : public EvictionTest, public testing::WithParamInterface<Scan> {
 protected:
  void make_hot_file() {
    const auto count = static_cast<std::size_t>(GetParam().hot_share * kBudgetBlocks);
    for (std::size_t i = 0; i < count; ++i) hot.push_back(write(GetParam().calls_per_block));
    // Two passes while memory fills up; fewer do not show that the file is hot.
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t i = 0; i < kBudgetBlocks / 4; ++i) write(GetParam().calls_per_block);
      for (Block* block : hot) read(*block, GetParam().calls_per_block);
    }
  }

  // Reads as much of the hot file as is due for one more block of the stream.
  void read_hot() {
    due += static_cast<double>(hot.size()) / (GetParam().stream_per_pass * kBudgetBlocks);
    for (; due >= 1; due -= 1) {
      ++reads;
      if (read(*hot[next++ % hot.size()], GetParam().calls_per_block)) ++found;
    }
  }

  void expect_kept() {
    RecordProperty("found_percent",
                   static_cast<int>(100 * found / std::max<std::size_t>(reads, 1)));
    RecordProperty("kept_percent", static_cast<int>(100 * in_memory(hot) / hot.size()));
    EXPECT_GE(found * 10, reads * 9) << "reads of the hot file that found their block in memory";
    EXPECT_GE(in_memory(hot) * 10, hot.size() * 9) << "of the hot file at the end";
    EXPECT_LE(budget.counts().used, kBudget);
  }

  std::vector<Block*> hot;
  std::size_t next = 0;
  std::size_t reads = 0;
  std::size_t found = 0;
  double due = 0;
};
INSTANTIATE_TEST_SUITE_P(
    , Scans,
    testing::Values(Scan{"Often", 0.15, 0.1, 1}, Scan{"EachBudget", 0.15, 1, 1},
                    Scan{"EachTwoBudgets", 0.15, 2, 1}, Scan{"SmallCalls", 0.15, 1, 16},
                    Scan{"SmallFile", 0.02, 1, 1}, Scan{"LargeFile", 0.4, 1, 1}),
    [](const auto& scan) { return scan.param.name; });

TEST_P(Scans, KeepAHotFileWhileNewDataStreamsPast) {
  make_hot_file();
  for (std::size_t i = 0; i < 4 * kBudgetBlocks; ++i) {
    write(GetParam().calls_per_block);
    read_hot();
  }
  expect_kept();
}

TEST_P(Scans, KeepAHotFileWhileSpilledDataIsReadBack) {
  std::vector<Block*> stream;
  for (std::size_t i = 0; i < 4 * kBudgetBlocks; ++i)
    stream.push_back(write(GetParam().calls_per_block));
  make_hot_file();
  for (Block* block : stream) {
    read(*block, GetParam().calls_per_block);
    read_hot();
  }
  expect_kept();
}

TEST_P(Scans, KeepAHotFileWhileSpilledDataIsReadAhead) {
  constexpr std::size_t kAhead = 16;
  std::vector<Block*> stream;
  for (std::size_t i = 0; i < 4 * kBudgetBlocks; ++i)
    stream.push_back(write(GetParam().calls_per_block));
  make_hot_file();
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (i % kAhead == 0) read_ahead(std::span(stream).subspan(i, kAhead));
    read(*stream[i], GetParam().calls_per_block);
    read_hot();
  }
  expect_kept();
}

TEST_F(EvictionTest, WhatWasHotOnceLeavesInTheEnd) {
  std::vector<Block*> hot;
  for (std::size_t i = 0; i < kBudgetBlocks / 4; ++i) hot.push_back(write(1));
  for (int pass = 0; pass < 8; ++pass) {
    for (std::size_t i = 0; i < kBudgetBlocks / 8; ++i) write(1);
    for (Block* block : hot) read(*block, 1);
  }
  EXPECT_EQ(in_memory(hot), hot.size());
  for (std::size_t i = 0; i < 9 * kBudgetBlocks; ++i) write(1);
  EXPECT_EQ(in_memory(hot), 0U);
}

TEST_F(EvictionTest, WhereAllAreHotSomeLeaveAllTheSame) {
  std::vector<Block*> hot;
  for (std::size_t i = 0; i < kBudgetBlocks * 5 / 4; ++i) hot.push_back(write(1));
  for (int pass = 0; pass < 8; ++pass) {
    for (std::size_t i = 0; i < hot.size(); ++i) read(*hot[i], 1);
    for (std::size_t i = hot.size(); i-- > 0;) read(*hot[i], 1);
  }
  EXPECT_LT(in_memory(hot), hot.size());
  EXPECT_GT(in_memory(hot), kBudgetBlocks * 3 / 4);
}

}  // namespace
}  // namespace scratchfs::store
