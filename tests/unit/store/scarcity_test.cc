// The store's own threads go on, and lose nothing, when allocations fail.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstring>
#include <string>
#include <vector>

#include "fs/base/deadline.h"
#include "fs/store/store.h"
#include "tests/fakes/scarce_memory_new.h"

namespace scratchfs::store {
namespace {

class Scarcity : public testing::Test {
 protected:
  static constexpr std::uint64_t kMemory = 16 << 20;
  static constexpr std::size_t kBlocks = 4 * kMemory / kBlockSize;

  Scarcity() { spdlog::default_logger(); }  // created while there is memory for it

  BlockPtr written(std::size_t i) {
    auto grant = store_->take_frames(kPagesPerBlock);
    EXPECT_TRUE(grant) << grant.error().value();
    BlockPtr block = store_->new_block();
    auto pin = store_->pin(*block, Access::write);
    for (unsigned page = 0; page < kPagesPerBlock; ++page)
      std::memset(pin->add_page(page, *grant, true), static_cast<int>(i % 251), kPageSize);
    return block;
  }
  // Fetches the block on another thread, whose allocations may fail; retries if they do.
  void expect_bytes(Block& block, std::size_t i) {
    base::CancellableDeadline deadline;
    for (;;) {
      const auto pin = store_->fetch(store_->hold(block), Access::read, base::Wait(deadline));
      if (pin.is(base::Errno{ENOMEM})) continue;
      ASSERT_TRUE(pin) << pin.error().value();
      EXPECT_EQ(pin->page(3)[i % kPageSize], static_cast<std::byte>(i % 251)) << "block " << i;
      return;
    }
  }

  // A real disk, because the fake one allocates memory for each page written.
  const std::unique_ptr<base::OsDirectory> disk_ = *base::open_directory(testing::TempDir());
  const std::unique_ptr<Store> store_ =
      *Store::create({.memory = kMemory, .spill = 256 << 20, .spill_directory = disk_.get()});
};

TEST_F(Scarcity, OfAllThreadsButTheOwners) {
  const fakes::ScarceMemory scarce(2);
  std::vector<BlockPtr> blocks;
  for (std::size_t i = 0; i < kBlocks; ++i) blocks.push_back(written(i));
  EXPECT_GT(store_->stats().spilled, 2 * kMemory);
  std::vector<Block*> ahead;
  for (const BlockPtr& block : blocks) ahead.push_back(block.get());
  for (std::size_t i = 0; i < kBlocks; ++i) {
    if (i % 64 == 0) store_->read_ahead(std::span(ahead).subspan(i, 64));
    expect_bytes(*blocks[i], i);
  }
  EXPECT_GT(scarce.failures(), 0U);
}

}  // namespace
}  // namespace scratchfs::store
