#include "fs/store/fetch_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "fs/base/deadline.h"
#include "tests/unit/store/spilled_store.h"

namespace scratchfs::store {
namespace {

using base::CancellableDeadline;
using base::Wait;

// A thread that fetches a block with a deadline of its own.
class Fetcher {
 public:
  Fetcher(Store& store, Block& block, Access access = Access::read)
      : thread_([this, &store, access, hold = store.hold(block)] {
          auto pin = store.fetch(hold, access, Wait(deadline_));
          error_ = pin ? 0 : pin.error().value();
        }) {}
  void interrupt() { deadline_.cancel({}, Errno(EINTR)); }
  int error() {
    thread_.join();
    return error_;
  }

 private:
  CancellableDeadline deadline_;
  int error_ = -1;
  std::thread thread_;
};

class FetchPoolTest : public SpilledStore {
 protected:
  // Memory suffices for this many reads while nothing can be evicted.
  static constexpr std::size_t kTogether = 24;
  void come_to_rest() {
    ASSERT_TRUE(soon([&] { return store->stats().memory_used <= kMemory - 2 * kMiB; }));
  }
  Block& cold(std::size_t i) { return *all[i]; }
};

TEST_F(FetchPoolTest, WhoLeavesDoesNotWaitForTheDisk) {
  disk.close_gate();
  Fetcher fetcher(*store, cold(0));
  disk.wait_for_requests_at_gate(1);
  fetcher.interrupt();
  EXPECT_EQ(fetcher.error(), EINTR);
  disk.open_gate();
}

TEST_F(FetchPoolTest, WhatWasLeftIsThereForTheNextReader) {
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

TEST_F(FetchPoolTest, OthersWhoWaitForTheSameReadStay) {
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

TEST_F(FetchPoolTest, ABlockThatWasLeftMayGo) {
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

TEST_F(FetchPoolTest, AReadThatWasLeftAndFailsHurtsNobody) {
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

TEST_F(FetchPoolTest, ReadsOfDifferentBlocksAreUnderWayTogether) {
  come_to_rest();
  disk.close_gate();
  std::vector<std::unique_ptr<Fetcher>> fetch_pool;
  for (std::size_t i = 0; i < kTogether; ++i)
    fetch_pool.push_back(std::make_unique<Fetcher>(*store, cold(i)));
  disk.wait_for_requests_at_gate(kTogether);
  disk.open_gate();
  for (auto& fetcher : fetch_pool) EXPECT_EQ(fetcher->error(), 0);
}

TEST_F(FetchPoolTest, WhatDoesNotBeginBeforeTheEndIsGivenUp) {
  come_to_rest();
  disk.close_gate();
  std::vector<std::unique_ptr<Fetcher>> fetch_pool;
  for (std::size_t i = 0; i < FetchPool::kMost + 10; ++i)
    fetch_pool.push_back(std::make_unique<Fetcher>(*store, cold(i)));
  disk.wait_for_requests_at_gate(kTogether);
  for (auto& fetcher : fetch_pool) fetcher->interrupt();
  for (auto& fetcher : fetch_pool) EXPECT_EQ(fetcher->error(), EINTR);
  blocks.clear();
  std::thread end([&] { store.reset(); });
  disk.open_gate();
  end.join();
}

TEST_F(FetchPoolTest, IdleThreadsEndButForThoseThatReadAhead) {
  Budget budget(kMemory, true);
  auto frames = *Frames::create(kMemory, {.surplus = [] {}, .low = [] {}});
  auto cipher = *Cipher::create();
  auto slots = *Slots::create(disk, kMemory, {.stale = [] {}, .room = [] {}});
  FetchPool* fetch_pool = nullptr;
  std::atomic<std::size_t> most = 0;
  Blocks own(*frames, budget, slots.get(), cipher.get(), [&](FetchJob& job) {
    const bool taken = fetch_pool->read_soon(job);
    most = std::max(most.load(), fetch_pool->threads());
    return taken;
  });
  FetchPool those(own, std::chrono::milliseconds(1));
  fetch_pool = &those;
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < 100; ++i) {
    readers.emplace_back([&] {
      Block* const block = own.make_blank(1);
      ASSERT_NE(block, nullptr);
      const CancellableDeadline deadline;
      ASSERT_TRUE(own.fetch(*block, Access::read, Wait(deadline)));
      own.unpin(*block);
      own.drop(*block);
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(
      soon([&] { return those.threads() == std::min(most.load(), FetchPool::kMostAhead); }));
}

// All memory is in use and the disk is stuck: a thread that waits for frames can be interrupted
// too.
TEST_F(FetchPoolTest, WhoWaitsForFramesCanLeave) {
  disk.close_gate();
  CancellableDeadline deadline;
  std::thread waiter([&] {
    std::vector<FrameGrant> taken;
    base::Result<FrameGrant> grant = Errno(EIO);
    while ((grant = store->take_frames(kPagesPerBlock, Wait(deadline))))
      taken.push_back(std::move(*grant));
    EXPECT_TRUE(grant.is(Errno(EINTR)));
  });
  deadline.cancel({}, Errno(EINTR));
  waiter.join();
  disk.open_gate();
  EXPECT_TRUE(store->take_frames(1));
}

}  // namespace
}  // namespace scratchfs::store
