// A fixture: the parts of a store without its threads. The tests make each step themselves.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <memory>
#include <span>
#include <vector>

#include "fs/store/blocks.h"
#include "tests/fakes/fake_disk.h"

namespace scratchfs::store {

class PartsTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kBatch = 1 << 20;

  // Creates the parts with `memory` bytes of memory and `spill` bytes of slots.
  PartsTest(std::uint64_t memory, std::uint64_t spill) : budget(memory, true) {
    frames = *Frames::create(memory, {.surplus = [] {}, .low = [] {}});
    cipher = *Cipher::create();
    limit_slots(spill);
    leaving.reserve(kBatch / kPageSize);
  }
  // Replaces the slots by `bytes` of them. REQUIRES: there are no blocks.
  void limit_slots(std::uint64_t bytes) {
    slots = *Slots::create(disk, bytes, {.stale = [] {}, .room = [this] { budget.unblock(); }});
    blocks = std::make_unique<Blocks>(*frames, budget, slots.get(), cipher.get());
  }

  // Makes a block with these pages, whose contents are undefined. It has never been pinned.
  Block* make(PageMask mask) {
    std::array<FrameIndex, kPagesPerBlock> taken{};
    const auto pages = static_cast<std::size_t>(std::popcount(mask));
    EXPECT_TRUE(budget.try_reserve(Need::take, pages * kPageSize));
    frames->take(std::span(taken).first(pages));
    Block* block = blocks->make();
    auto next = taken.begin();
    for (unsigned page = 0; page < kPagesPerBlock; ++page) {
      if ((mask >> page & 1) != 0) block->resident->frames[page] = *next++;
    }
    block->mask = mask;
    return block;
  }

  bool seal(Leaving& entry) { return blocks->seal(entry, sealed.data()); }
  // Writes the encrypted block, which seal() left in `sealed`, to a new slot.
  void write_out(Leaving& entry) {
    const SlotClass size = slot_class_of(entry.mask);
    entry.slot = slots->allocate(size, 1).first;
    EXPECT_TRUE(slots->write(size, entry.slot, std::span(sealed).first(slot_bytes(size))));
  }

  fakes::FakeDisk disk;
  Budget budget;
  std::unique_ptr<Frames> frames;
  std::unique_ptr<Slots> slots;
  std::unique_ptr<Cipher> cipher;
  std::unique_ptr<Blocks> blocks;
  std::vector<Leaving> leaving;
  std::array<std::byte, kBlockSize> sealed{};
};

}  // namespace scratchfs::store
