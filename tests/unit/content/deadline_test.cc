// Operations whose deadline passes while they wait for the disk or for memory.
#include <gtest/gtest.h>

#include <thread>

#include "fs/base/deadline.h"
#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

using base::CancellableDeadline;

// A deadline that has passed already, so that nothing waits.
class Impatient {
 public:
  Impatient() { deadline_.cancel({}, Errno(EINTR)); }
  Wait wait() const { return Wait(deadline_); }

 private:
  CancellableDeadline deadline_;
};

// Takes all free frames of a machine whose disk's gate is closed, so that no more can be had.
std::vector<store::FrameGrant> take_all_frames(Machine& machine) {
  std::vector<store::FrameGrant> taken;
  while (auto grant = machine.store->try_take_frames(1)) taken.push_back(std::move(*grant));
  return taken;
}

TEST(ContentDeadline, AReadOfASpilledBlockEndsAndTheNextOneFindsItsBytes) {
  Machine machine;
  File file(machine);
  const Bytes data = pattern(3 * store::kBlockSize, 1);
  file.put(data, 0);
  spill(machine, file, 0);
  machine.disk.close_gate();
  Bytes into(100);
  EXPECT_TRUE(file->read(into, 0, Impatient().wait()).is(Errno(EINTR)));
  machine.disk.open_gate();
  EXPECT_EQ(file.all(), data);
}

TEST(ContentDeadline, AWriteKeepsWhatItHasWrittenAndTellsHowMuch) {
  Machine machine;
  File file(machine);
  machine.disk.close_gate();
  const Bytes data = pattern(16 * kMiB, 2);
  const auto written = file->write(data, 0, Impatient().wait());
  ASSERT_TRUE(written);
  EXPECT_LT(*written, data.size());
  EXPECT_EQ(file->size(), *written);
  machine.disk.open_gate();
  EXPECT_EQ(file.all(), Bytes(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(*written)));
}

TEST(ContentDeadline, AWriteThatFindsNoMemoryChangesNothing) {
  Machine machine;
  File file(machine);
  file.put(pattern(kPage, 3), 0);
  machine.disk.close_gate();
  const auto taken = take_all_frames(machine);
  EXPECT_TRUE(file->write(pattern(kPage, 4), kPage, Impatient().wait()).is(Errno(EINTR)));
  EXPECT_EQ(file->size(), kPage);
  EXPECT_EQ(machine.charged(), kPage);
  EXPECT_EQ(file.all(), pattern(kPage, 3));
  machine.disk.open_gate();
}

TEST(ContentDeadline, AnAllocationTakesItsPagesBack) {
  Machine machine;
  File file(machine);
  file.put(pattern(kPage, 1), 2 * kMiB);
  spill(machine, file, 2 * kMiB);
  machine.disk.close_gate();  // the block must be read before pages are added to it
  const auto allocated = file->allocate(0, 3 * kMiB, false, Impatient().wait());
  EXPECT_TRUE(allocated.is(Errno(EINTR)));
  EXPECT_EQ(file->size(), 2 * kMiB + kPage);
  EXPECT_EQ(file->allocated(), kPage);
  EXPECT_EQ(machine.charged(), kPage);
  machine.disk.open_gate();
}

TEST(ContentDeadline, TruncatingIntoASpilledBlockEndsWithoutAChange) {
  Machine machine;
  File file(machine);
  const Bytes data = pattern(store::kBlockSize, 5);
  file.put(data, 0);
  spill(machine, file, 0);
  machine.disk.close_gate();
  EXPECT_TRUE(file->truncate(100, Impatient().wait()).is(Errno(EINTR)));
  EXPECT_EQ(file->size(), data.size());
  machine.disk.open_gate();
  EXPECT_EQ(file.all(), data);
}

// Each wait is short, but all together are longer than the allowance.
TEST(ContentDeadline, CountsFromWhatTheDiskDidLast) {
  constexpr auto kAllowance = std::chrono::milliseconds(500);
  Machine machine;
  machine.disk.delay_each_request(std::chrono::milliseconds(40));
  File file(machine);
  File copy(machine);
  const Bytes data = pattern(32 * kMiB, 8);
  const auto begun = CancellableDeadline::Clock::now();
  const CancellableDeadline writing(kAllowance, Errno(EIO));
  EXPECT_EQ(file->write(data, 0, Wait(writing)).is(Errno(EIO)), false);
  EXPECT_EQ(file->size(), data.size());
  const CancellableDeadline copying(kAllowance, Errno(EIO));
  const auto copied = Content::copy(file.content, 0, copy.content, 0, data.size(), Wait(copying));
  ASSERT_TRUE(copied);
  EXPECT_EQ(*copied, data.size());
  EXPECT_GT(CancellableDeadline::Clock::now() - begun, 2 * kAllowance);
}

TEST(ContentDeadline, EndsWhereTheDiskDoesNothing) {
  Machine machine;
  File file(machine);
  file.put(pattern(3 * store::kBlockSize, 9), 0);
  spill(machine, file, 0);
  machine.disk.close_gate();
  Bytes into(100);
  const CancellableDeadline deadline(std::chrono::milliseconds(20), Errno(EIO));
  EXPECT_TRUE(file->read(into, 0, Wait(deadline)).is(Errno(EIO)));
  const auto taken = take_all_frames(machine);
  const CancellableDeadline other(std::chrono::milliseconds(20), Errno(EIO));
  EXPECT_TRUE(file->write(pattern(kPage, 1), kMiB, Wait(other)).is(Errno(EIO)));
  machine.disk.open_gate();
}

TEST(ContentDeadline, AnAllocationThatWaitsItsTurnCanLeave) {
  Machine machine;
  File file(machine);
  file.put(pattern(kPage, 6), 2 * kMiB);
  spill(machine, file, 2 * kMiB);
  machine.disk.close_gate();  // the block must be read before pages are added to it
  std::thread first([&] { EXPECT_TRUE(file->allocate(0, 3 * kMiB, false, Wait::yes)); });
  // Once other allocations would block, the first thread has the turn.
  while (!file->allocate(0, kPage, true, Wait::no).is(base::kWouldBlock)) std::this_thread::yield();
  EXPECT_TRUE(file->allocate(0, kPage, true, Impatient().wait()).is(Errno(EINTR)));
  machine.disk.open_gate();
  first.join();
  EXPECT_EQ(file->allocated(), 3 * kMiB);
}

}  // namespace
}  // namespace scratchfs::content
