// A store most of whose blocks are on a disk that can be made slow.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "fs/store/store.h"
#include "tests/fakes/fake_disk.h"

namespace scratchfs::store {

inline constexpr std::uint64_t kMiB = 1 << 20;

template <typename Condition>
bool soon(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return condition();
}

// A store with `kMemory` of memory and four times that in blocks, the first of which are spilled.
class SpilledStore : public testing::Test {
 protected:
  static constexpr std::uint64_t kMemory = 16 * kMiB;
  static constexpr std::size_t kBlocks = 4 * kMemory / kBlockSize;

  SpilledStore() {
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

  fakes::FakeDisk disk_;
  std::unique_ptr<Store> store_;
  std::vector<Block*> all_;
  std::vector<BlockPtr> blocks_;
};

}  // namespace scratchfs::store
