#include "fs/store/slots.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/fakes/fake_disk.h"

namespace scratchfs::store {
namespace {

using fakes::FakeDisk;

std::unique_ptr<Slots> make(FakeDisk& disk, std::uint64_t limit, Slots::Notices notices) {
  auto slots = Slots::create(disk, limit, std::move(notices));
  EXPECT_TRUE(slots);
  return *std::move(slots);
}

Slots::Notices no_notices() {
  return {.stale = [] {}, .room = [] {}};
}

std::uint32_t put(Slots& slots, SlotClass size, char fill) {
  EXPECT_TRUE(slots.reserve(size));
  const SlotRun run = slots.allocate(size, 1);
  const std::vector<std::byte> bytes(slot_bytes(size), static_cast<std::byte>(fill));
  EXPECT_TRUE(slots.write(size, run.first, bytes));
  return run.first;
}

TEST(Slots, AreTheSmallestThatHoldThePages) {
  EXPECT_EQ(slot_bytes(slot_class_of(0x0001)), 4096U);
  EXPECT_EQ(slot_bytes(slot_class_of(0x8001)), 8192U);
  EXPECT_EQ(slot_bytes(slot_class_of(0x0007)), 16384U);
  EXPECT_EQ(slot_bytes(slot_class_of(0x000f)), 16384U);
  EXPECT_EQ(slot_bytes(slot_class_of(0x001f)), 32768U);
  EXPECT_EQ(slot_bytes(slot_class_of(0x01ff)), 65536U);
  EXPECT_EQ(slot_bytes(slot_class_of(0xffff)), 65536U);
}

TEST(Slots, CountInTheLimitTheMomentTheyAreReserved) {
  FakeDisk disk;
  int room = 0;
  auto slots = make(disk, 3 * 4096, {.stale = [] {}, .room = [&room] { ++room; }});
  EXPECT_TRUE(slots->reserve(1));
  EXPECT_TRUE(slots->reserve(0));
  EXPECT_EQ(slots->in_use(), 3U * 4096);
  slots->unreserve(0);
  EXPECT_EQ(room, 0) << "nobody was refused";
  EXPECT_TRUE(slots->reserve(0));
  EXPECT_FALSE(slots->reserve(0));
  slots->unreserve(0);
  EXPECT_EQ(room, 1);
  EXPECT_TRUE(slots->reserve(0));
}

TEST(Slots, ComeInNeighboursAndKeepTheirBytesApart) {
  FakeDisk disk;
  auto slots = make(disk, 1 << 20, no_notices());
  std::vector<std::uint32_t> mine;
  for (char i = 0; i < 8; ++i) mine.push_back(put(*slots, 2, i));
  for (std::size_t i = 0; i < mine.size(); ++i) {
    EXPECT_EQ(mine[i], i);
    std::vector<std::byte> bytes(slot_bytes(2));
    ASSERT_TRUE(slots->read(2, mine[i], bytes));
    EXPECT_EQ(bytes.front(), static_cast<std::byte>(i));
    EXPECT_EQ(bytes.back(), static_cast<std::byte>(i));
  }
}

TEST(Slots, GiveDiskSpaceBackFromTheMiddleAndFromTheEnd) {
  FakeDisk disk;
  int told = 0;
  auto slots = make(disk, 1 << 20, {.stale = [&told] { ++told; }, .room = [] {}});
  for (char i = 0; i < 16; ++i) put(*slots, 1, i);
  ASSERT_EQ(disk.allocated_bytes(), 16U * 8192);
  slots->free(1, 3);
  slots->free(1, 4);
  EXPECT_EQ(told, 1) << "once for all, until it was done";
  EXPECT_EQ(slots->in_use(), 14U * 8192);
  slots->give_back();
  EXPECT_EQ(disk.allocated_bytes(), 14U * 8192);
  for (std::uint32_t slot = 10; slot < 16; ++slot) slots->free(1, slot);
  EXPECT_EQ(told, 2);
  slots->give_back();
  EXPECT_EQ(disk.allocated_bytes(), 8U * 8192);
  EXPECT_EQ(slots->file_bytes(), 10U * 8192);
}

TEST(Slots, AreReusedBeforeTheFileGrowsWhereHolesCannotBeMade) {
  FakeDisk disk;
  auto slots = make(disk, 1 << 20, no_notices());
  for (char i = 0; i < 8; ++i) put(*slots, 4, i);
  disk.fail_punches(EOPNOTSUPP);
  for (const std::uint32_t slot : {1U, 3U, 7U}) slots->free(4, slot);
  slots->give_back();
  const std::uint64_t before = slots->file_bytes();
  for (char i = 0; i < 3; ++i) put(*slots, 4, i);
  EXPECT_EQ(slots->file_bytes(), before);
}

TEST(Slots, KeepTheirBytesWhileOthersAreGivenBack) {
  FakeDisk disk;
  auto slots = make(disk, 64 << 20, no_notices());
  std::atomic<bool> done{false};
  std::thread housekeeper([&] {
    while (!done) slots->give_back();
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      std::vector<std::uint32_t> mine;
      std::vector<std::byte> bytes(slot_bytes(0));
      for (int round = 0; round < 300; ++round) {
        mine.push_back(put(*slots, 0, static_cast<char>(i)));
        if (round % 3 == 0) {
          slots->free(0, mine[mine.size() / 2]);
          mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(mine.size() / 2));
        }
        for (const std::uint32_t slot : mine) {
          ASSERT_TRUE(slots->read(0, slot, bytes));
          ASSERT_EQ(bytes[0], static_cast<std::byte>(i));
        }
      }
      for (const std::uint32_t slot : mine) slots->free(0, slot);
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  housekeeper.join();
  slots->give_back();
  EXPECT_EQ(slots->in_use(), 0U);
  EXPECT_EQ(slots->file_bytes(), 0U);
  EXPECT_EQ(disk.allocated_bytes(), 0U);
}

TEST(Slots, TakeDiskSpaceInStepsAheadOfWritingButNotBeyondTheLimit) {
  FakeDisk disk;
  auto slots = make(disk, 1 << 20, no_notices());
  const std::vector<std::byte> bytes(kBlockSize);
  std::uint64_t steps = 0;
  for (std::uint64_t before = 0; slots->reserve(4); before = disk.reserved()) {
    const auto slot = slots->allocate(4, 1).first;
    ASSERT_TRUE(slots->write(4, slot, bytes));
    EXPECT_GE(disk.reserved(), (slot + 1) * kBlockSize);
    steps += disk.reserved() > before ? 1U : 0U;
  }
  EXPECT_LE(steps, 6U);
  EXPECT_EQ(disk.reserved(), 1U << 20);
}

// fallocate(2) of a punched hole would allocate its space again.
TEST(Slots, TakeNoSpaceAheadForWhatHasBeenGivenBack) {
  FakeDisk disk;
  auto slots = make(disk, 64 << 20, no_notices());
  for (char i = 0; i < 16; ++i) put(*slots, 4, i);
  for (std::uint32_t slot = 2; slot < 12; ++slot) slots->free(4, slot);
  slots->give_back();  // also truncates the space that was preallocated
  const std::uint64_t length = slots->file_bytes();
  for (char i = 0; i < 10; ++i) put(*slots, 4, i);
  EXPECT_EQ(slots->file_bytes(), length);
  for (char i = 0; i < 16; ++i) put(*slots, 4, i);
  EXPECT_GT(slots->file_bytes(), length);
  EXPECT_GE(disk.reserved_from(), length);
}

}  // namespace
}  // namespace scratchfs::store
