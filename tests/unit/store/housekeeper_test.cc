#include "fs/store/housekeeper.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstring>
#include <vector>

#include "tests/fakes/fake_disk.h"
#include "tests/unit/base/soon.h"

namespace scratchfs::store {
namespace {

using namespace std::chrono_literals;

TEST(Housekeeper, GivesDiskSpaceAndIdleMemoryBackWithinSeconds) {
  fakes::FakeDisk disk;
  Housekeeper housekeeper(10ms);
  auto frames = *Frames::create(64 << 20, {.surplus = [&] { housekeeper.surplus_frames(); },
                                           .low = [&] { housekeeper.low_frames(); }});
  auto slots =
      *Slots::create(disk, 64 << 20, {.stale = [&] { housekeeper.stale_slots(); }, .room = [] {}});
  ASSERT_TRUE(housekeeper.start(*frames, slots.get()));
  const std::vector<std::byte> bytes(kBlockSize);
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < 16; ++i) {
      ASSERT_TRUE(slots->reserve(4));
      ASSERT_TRUE(slots->write(4, slots->allocate(4, 1).first, bytes));
    }
    for (std::uint32_t i = 0; i < 16; ++i) slots->free(4, i);
    EXPECT_TRUE(soon([&] { return disk.allocated_bytes() == 0; }));
  }
  std::vector<FrameIndex> taken((64 << 20) / kPageSize);
  frames->take(taken);
  for (const FrameIndex frame : taken) std::memset(frames->address(frame), 1, 1);
  frames->put(taken);
  EXPECT_TRUE(soon([&] { return frames->reserve_bytes() <= 8 << 20; }, 60s));
  housekeeper.stop();
}

TEST(Housekeeper, KeepsFramesReadyAheadOfNeed) {
  Housekeeper housekeeper;
  auto frames =
      *Frames::create(256 << 20, {.surplus = [] {}, .low = [&] { housekeeper.low_frames(); }});
  ASSERT_TRUE(housekeeper.start(*frames, nullptr));
  std::array<FrameIndex, 1> one{};
  frames->take(one);
  EXPECT_TRUE(soon([&] { return frames->reserve_bytes() >= 16 << 20; }));
  housekeeper.stop();
}

TEST(Housekeeper, StopsWithoutWaitingForItsNextLook) {
  Housekeeper housekeeper;
  auto frames = *Frames::create(8 << 20, {.surplus = [] {}, .low = [] {}});
  ASSERT_TRUE(housekeeper.start(*frames, nullptr));
  housekeeper.surplus_frames();
  housekeeper.stop();
  housekeeper.stop();
}

TEST(Housekeeper, MayBeToldBeforeItStartsAndNeedNotStart) {
  Housekeeper housekeeper;
  housekeeper.stale_slots();
}

}  // namespace
}  // namespace scratchfs::store
