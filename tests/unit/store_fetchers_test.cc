#include "fs/store/fetchers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "fs/base/patience.h"
#include "tests/unit/spilled_store.h"

namespace scratchfs::store {
namespace {

using base::Errno;
using base::Patience;
using base::Wait;

// A thread that fetches a block with a patience of its own.
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
  // There is memory for so many reads while nothing can be written.
  static constexpr std::size_t kTogether = 24;
  void come_to_rest() {
    ASSERT_TRUE(soon([&] { return store_->stats().memory_used <= kMemory - 2 * kMiB; }));
  }
  Block& cold(std::size_t i) { return *all_[i]; }
};

TEST_F(FetchersTest, WhoLeavesDoesNotWaitForTheDisk) {
  disk_.close_gate();
  Fetcher fetcher(*store_, cold(0));
  disk_.wait_for_requests_at_gate(1);
  fetcher.interrupt();
  EXPECT_EQ(fetcher.error(), EINTR);
  disk_.open_gate();
}

TEST_F(FetchersTest, WhatWasLeftIsThereForTheNextReader) {
  disk_.close_gate();
  const std::uint64_t reads = disk_.reads();
  Fetcher fetcher(*store_, cold(0));
  disk_.wait_for_requests_at_gate(1);
  fetcher.interrupt();
  EXPECT_EQ(fetcher.error(), EINTR);
  disk_.open_gate();
  EXPECT_TRUE(soon([&] { return is_in_memory(0); }));
  EXPECT_EQ(disk_.reads(), reads + 1);
  expect_bytes(0);
}

TEST_F(FetchersTest, OthersWhoWaitForTheSameReadStay) {
  disk_.close_gate();
  const std::uint64_t reads = disk_.reads();
  Fetcher leaves(*store_, cold(0));
  Fetcher stays(*store_, cold(0), Access::write);
  disk_.wait_for_requests_at_gate(1);
  leaves.interrupt();
  EXPECT_EQ(leaves.error(), EINTR);
  disk_.open_gate();
  EXPECT_EQ(stays.error(), 0);
  EXPECT_EQ(disk_.reads(), reads + 1);
  expect_bytes(0);
}

TEST_F(FetchersTest, ABlockThatWasLeftMayGo) {
  disk_.close_gate();
  Fetcher fetcher(*store_, cold(0));
  disk_.wait_for_requests_at_gate(1);
  fetcher.interrupt();
  EXPECT_EQ(fetcher.error(), EINTR);
  blocks_.clear();
  disk_.open_gate();
  EXPECT_TRUE(soon([&] { return store_->stats().memory_used == 0; }));
  EXPECT_TRUE(soon([&] { return store_->stats().spilled == 0; }));
}

TEST_F(FetchersTest, AReadThatWasLeftAndFailsHurtsNobody) {
  disk_.close_gate();
  disk_.fail_reads(EIO);
  Fetcher fetcher(*store_, cold(0));
  disk_.wait_for_requests_at_gate(1);
  fetcher.interrupt();
  EXPECT_EQ(fetcher.error(), EINTR);
  disk_.open_gate();
  disk_.fail_reads(std::nullopt);
  EXPECT_TRUE(
      soon([&] { return static_cast<bool>(store_->fetch(store_->hold(cold(0)), Access::read)); }));
  expect_bytes(0);
}

TEST_F(FetchersTest, ReadsOfDifferentBlocksAreUnderWayTogether) {
  come_to_rest();
  disk_.close_gate();
  std::vector<std::unique_ptr<Fetcher>> fetchers;
  for (std::size_t i = 0; i < kTogether; ++i)
    fetchers.push_back(std::make_unique<Fetcher>(*store_, cold(i)));
  disk_.wait_for_requests_at_gate(kTogether);
  disk_.open_gate();
  for (auto& fetcher : fetchers) EXPECT_EQ(fetcher->error(), 0);
}

TEST_F(FetchersTest, WhatDoesNotBeginBeforeTheEndIsGivenUp) {
  come_to_rest();
  disk_.close_gate();
  std::vector<std::unique_ptr<Fetcher>> fetchers;
  for (std::size_t i = 0; i < Fetchers::kMost + 10; ++i)
    fetchers.push_back(std::make_unique<Fetcher>(*store_, cold(i)));
  disk_.wait_for_requests_at_gate(kTogether);
  for (auto& fetcher : fetchers) fetcher->interrupt();
  for (auto& fetcher : fetchers) EXPECT_EQ(fetcher->error(), EINTR);
  blocks_.clear();
  std::thread end([&] { store_.reset(); });
  disk_.open_gate();
  end.join();
}

// Firm memory is full and the disk stuck: who waits for frames can leave as well.
TEST_F(FetchersTest, WhoWaitsForFramesCanLeave) {
  disk_.close_gate();
  Patience patience;
  std::thread waiter([&] {
    std::vector<FrameGrant> taken;
    base::Result<FrameGrant> grant = Errno(EIO);
    while ((grant = store_->take_frames(kPagesPerBlock, Wait(patience))))
      taken.push_back(std::move(*grant));
    EXPECT_TRUE(grant.is(Errno(EINTR)));
  });
  patience.cut({}, Errno(EINTR));
  waiter.join();
  disk_.open_gate();
  EXPECT_TRUE(store_->take_frames(1));
}

}  // namespace
}  // namespace scratchfs::store
