// Blocks that are read, modified or dropped while I/O on them is in progress.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "tests/unit/store/store_fixture.h"

namespace scratchfs::store {
namespace {

using namespace std::chrono_literals;

class StoreWithASlowDisk : public StoreTest {
 protected:
  StoreWithASlowDisk() { open(kMinBudget, 256 * kMiB); }

  // Makes blocks of twice the budget and waits until the spiller is idle, so that only the test's
  // own reads stop at the gate.
  std::vector<BlockPtr> make_twice_the_budget() {
    auto blocks = make_all(2 * kMinBudget);
    EXPECT_TRUE(soon([&] { return store->stats().memory_used <= kMinBudget - 2 * kMiB; }));
    return blocks;
  }
  // Returns the index of a block that is only on the disk.
  std::size_t spilled_among(const std::vector<BlockPtr>& blocks) {
    std::size_t cold = 0;
    while (in_memory(*blocks.at(cold))) ++cold;
    return cold;
  }
};

TEST_F(StoreWithASlowDisk, ReadsASlotOnceForAllWhoWait) {
  const auto blocks = make_twice_the_budget();
  const std::size_t cold = spilled_among(blocks);
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
  std::this_thread::sleep_for(20ms);  // lets more readers join; the test holds even if none do
  disk.open_gate();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(fine, 8);
  EXPECT_EQ(disk.reads(), reads + 1);
}

TEST_F(StoreWithASlowDisk, TellsAFetcherThatTheBlockWasDropped) {
  auto blocks = make_twice_the_budget();
  const std::size_t cold = spilled_among(blocks);
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

TEST_F(StoreWithASlowDisk, CancelsTheWriteOfABlockThatIsWrittenToOrDropped) {
  disk.close_gate();
  auto blocks = make_all(kMinBudget - kMiB);
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

}  // namespace
}  // namespace scratchfs::store
