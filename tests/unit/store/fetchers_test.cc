#include "fs/store/fetchers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "fs/base/patience.h"
#include "tests/unit/store/spilled_store.h"

namespace scratchfs::store {
namespace {

using base::Patience;
using base::Wait;

// A thread that fetches a block with a deadline of its own.
class Fetcher {
 public:
  Fetcher(Store& store, Block& block, Access access = Access::read)
      : thread_([this, &store, access, hold = store.hold(block)] {
          auto pin = store.fetch(hold, access, Wait(patience_));
          error_ = pin ? 0 : pin.error().value();
        }) {}
  void interrupt() { patience_.cut({}, Errno(EINTR)); }
  int error() {
    thread_.join();
    return error_;
  }

 private:
  Patience patience_;
  int error_ = -1;
  std::thread thread_;
};

class FetchersTest : public SpilledStore {
 protected:
  // Memory suffices for this many reads while nothing can be evicted.
  static constexpr std::size_t kTogether = 24;
  void come_to_rest() {
    ASSERT_TRUE(soon([&] { return store->stats().memory_used <= kMemory - 2 * kMiB; }));
  }
  Block& cold(std::size_t i) { return *all[i]; }
};

TEST_F(FetchersTest, WhoLeavesDoesNotWaitForTheDisk) {
  disk.close_gate();
  Fetcher fetcher(*store, cold(0));
  disk.wait_for_requests_at_gate(1);
  fetcher.interrupt();
  EXPECT_EQ(fetcher.error(), EINTR);
  disk.open_gate();
}

TEST_F(FetchersTest, WhatWasLeftIsThereForTheNextReader) {
  disk.close_gate();
  const std::uint64_t reads = disk.reads();
  Fetcher fetcher(*store, cold(0));
  disk.wait_for_requests_at_gate(1);
  fetcher.interrupt();
  EXPECT_EQ(fetcher.error(), EINTR);
  disk.open_gate();
  EXPECT_TRUE(soon([&] { return in_memory(*all[0]); }));
  EXPECT_EQ(disk.reads(), reads + 1);
  EXPECT_TRUE(intact(*all[0], 0));
}

TEST_F(FetchersTest, OthersWhoWaitForTheSameReadStay) {
  disk.close_gate();
  const std::uint64_t reads = disk.reads();
  Fetcher leaves(*store, cold(0));
  Fetcher stays(*store, cold(0), Access::write);
  disk.wait_for_requests_at_gate(1);
  leaves.interrupt();
  EXPECT_EQ(leaves.error(), EINTR);
  disk.open_gate();
  EXPECT_EQ(stays.error(), 0);
  EXPECT_EQ(disk.reads(), reads + 1);
  EXPECT_TRUE(intact(*all[0], 0));
}

TEST_F(FetchersTest, ABlockThatWasLeftMayGo) {
  disk.close_gate();
  Fetcher fetcher(*store, cold(0));
  disk.wait_for_requests_at_gate(1);
  fetcher.interrupt();
  EXPECT_EQ(fetcher.error(), EINTR);
  blocks.clear();
  disk.open_gate();
  EXPECT_TRUE(soon([&] { return store->stats().memory_used == 0; }));
  EXPECT_TRUE(soon([&] { return store->stats().spilled == 0; }));
}

TEST_F(FetchersTest, AReadThatWasLeftAndFailsHurtsNobody) {
  disk.close_gate();
  disk.fail_reads(EIO);
  Fetcher fetcher(*store, cold(0));
  disk.wait_for_requests_at_gate(1);
  fetcher.interrupt();
  EXPECT_EQ(fetcher.error(), EINTR);
  disk.open_gate();
  disk.fail_reads(std::nullopt);
  EXPECT_TRUE(
      soon([&] { return static_cast<bool>(store->fetch(store->hold(cold(0)), Access::read)); }));
  EXPECT_TRUE(intact(*all[0], 0));
}

TEST_F(FetchersTest, ReadsOfDifferentBlocksAreUnderWayTogether) {
  come_to_rest();
  disk.close_gate();
  std::vector<std::unique_ptr<Fetcher>> fetchers;
  for (std::size_t i = 0; i < kTogether; ++i)
    fetchers.push_back(std::make_unique<Fetcher>(*store, cold(i)));
  disk.wait_for_requests_at_gate(kTogether);
  disk.open_gate();
  for (auto& fetcher : fetchers) EXPECT_EQ(fetcher->error(), 0);
}

TEST_F(FetchersTest, WhatDoesNotBeginBeforeTheEndIsGivenUp) {
  come_to_rest();
  disk.close_gate();
  std::vector<std::unique_ptr<Fetcher>> fetchers;
  for (std::size_t i = 0; i < Fetchers::kMost + 10; ++i)
    fetchers.push_back(std::make_unique<Fetcher>(*store, cold(i)));
  disk.wait_for_requests_at_gate(kTogether);
  for (auto& fetcher : fetchers) fetcher->interrupt();
  for (auto& fetcher : fetchers) EXPECT_EQ(fetcher->error(), EINTR);
  blocks.clear();
  std::thread end([&] { store.reset(); });
  disk.open_gate();
  end.join();
}

TEST_F(FetchersTest, ThreadsThatAreIdleEnd) {
  Budget budget(kMemory, true);
  auto frames = *Frames::create(kMemory, {.surplus = [] {}, .low = [] {}});
  auto cipher = *Cipher::create();
  auto slots = *Slots::create(disk, kMemory, {.stale = [] {}, .room = [] {}});
  Fetchers* fetchers = nullptr;
  Blocks own(*frames, budget, slots.get(), cipher.get(),
             [&](FetchJob& job) { return fetchers->read_soon(job); });
  Fetchers those(own, std::chrono::milliseconds(1));
  fetchers = &those;
  for (int round = 0; round < 3; ++round) {
    Block* const block = own.make_blank(1);
    ASSERT_NE(block, nullptr);
    const Patience patience;
    ASSERT_TRUE(own.fetch(*block, Access::read, Wait(patience)));
    own.unpin(*block);
    own.drop(*block);
    EXPECT_TRUE(soon([&] { return those.threads() == 0; }));
  }
}

// All memory is in use and the disk is stuck: a thread that waits for frames can be interrupted
// too.
TEST_F(FetchersTest, WhoWaitsForFramesCanLeave) {
  disk.close_gate();
  Patience patience;
  std::thread waiter([&] {
    std::vector<FrameGrant> taken;
    base::Result<FrameGrant> grant = Errno(EIO);
    while ((grant = store->take_frames(kPagesPerBlock, Wait(patience))))
      taken.push_back(std::move(*grant));
    EXPECT_TRUE(grant.is(Errno(EINTR)));
  });
  patience.cut({}, Errno(EINTR));
  waiter.join();
  disk.open_gate();
  EXPECT_TRUE(store->take_frames(1));
}

}  // namespace
}  // namespace scratchfs::store
