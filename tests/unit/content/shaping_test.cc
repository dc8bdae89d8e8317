// fallocate(2) and copy_file_range(2).
#include <gtest/gtest.h>

#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

class ShapingTest : public ::testing::Test {
 protected:
  Machine machine_;
  File file_{machine_};
};

TEST_F(ShapingTest, PunchesWholePagesAndClearsPartsOfPages) {
  const Bytes bytes = pattern(kMiB, 1);
  file_.put(bytes, 0);
  ASSERT_TRUE(file_->punch(5000, 300'000, Wait::no));
  EXPECT_EQ(file_->size(), kMiB);
  EXPECT_EQ(file_.bytes(0, 5000), Bytes(bytes.begin(), bytes.begin() + 5000));
  EXPECT_TRUE(all_zero(file_.bytes(5000, 300'000)));
  EXPECT_EQ(file_.bytes(305'000, kMiB), Bytes(bytes.begin() + 305'000, bytes.end()));
  // Of pages 1 to 74, the first and the last are only partly covered and so are not freed.
  EXPECT_EQ(file_->allocated(), kMiB - 72 * kPage);
  EXPECT_EQ(machine_.charged(), file_->allocated());
  EXPECT_EQ(*file_->seek_hole(0), 2 * kPage);
}

TEST_F(ShapingTest, PunchesAnyLengthInNoTime) {
  file_.put(pattern(kPage, 1), 0);
  file_.put(pattern(kPage, 2), 6 * kTiB);
  ASSERT_TRUE(file_->punch(kPage, UINT64_MAX, Wait::no));
  EXPECT_EQ(file_->allocated(), kPage);
  EXPECT_EQ(file_->size(), 6 * kTiB + kPage);
  ASSERT_TRUE(file_->punch(UINT64_MAX, 1, Wait::no));
  ASSERT_TRUE(file_->punch(0, kMaxSize, Wait::no));
  EXPECT_EQ(file_->allocated(), 0U);
  EXPECT_TRUE(file_->punch(5, 0, Wait::no).is(Errno(EINVAL)));
}

TEST_F(ShapingTest, PunchesSmallBytes) {
  file_.put(pattern(1000, 1), 0);
  ASSERT_TRUE(file_->punch(100, 200, Wait::no));
  EXPECT_TRUE(all_zero(file_.bytes(100, 200)));
  EXPECT_EQ(file_.bytes(300, 700), [] {
    const Bytes whole = pattern(1000, 1);
    return Bytes(whole.begin() + 300, whole.end());
  }());
  EXPECT_EQ(file_->allocated(), 1024U);
  ASSERT_TRUE(file_->punch(0, kPage, Wait::no));
  EXPECT_EQ(file_->allocated(), 0U);
  EXPECT_EQ(machine_.charged(), 0U);
  EXPECT_TRUE(all_zero(file_.bytes(0, 1000)));
}

TEST_F(ShapingTest, AllocatesPagesOfZerosAndKeepsWhatIsThere) {
  const Bytes bytes = pattern(5000, 1);
  file_.put(bytes, 100'000);
  ASSERT_TRUE(file_->allocate(50'000, 400'000, false, Wait::no));
  EXPECT_EQ(file_->size(), 450'000U);
  EXPECT_EQ(file_->allocated(), (450'000 / kPage + 1 - 50'000 / kPage) * kPage);
  EXPECT_EQ(machine_.charged(), file_->allocated());
  EXPECT_TRUE(all_zero(file_.bytes(0, 100'000)));
  EXPECT_EQ(file_.bytes(100'000, 5000), bytes);
  EXPECT_TRUE(all_zero(file_.bytes(105'000, 345'000)));
}

TEST_F(ShapingTest, AllocatesBeyondTheEndWithoutMovingIt) {
  file_.put(pattern(100, 1), 0);
  ASSERT_TRUE(file_->allocate(0, 10 * kPage, true, Wait::no));
  EXPECT_EQ(file_->size(), 100U);
  EXPECT_EQ(file_->allocated(), 10 * kPage);
  EXPECT_EQ(*file_->seek_hole(0), 100U);
  machine_.limit_owner(1);
  file_.put(pattern(9 * kPage, 2), kPage);  // into pages allocated before the limit was set
  ASSERT_TRUE(file_->truncate(9 * kPage, Wait::no));
  EXPECT_EQ(file_->allocated(), 9 * kPage);
}

TEST_F(ShapingTest, LeavesLargeAllocationsToThoseWhoMayWait) {
  EXPECT_TRUE(file_->allocate(0, 2 * kMiB, false, Wait::no).is(base::kWouldBlock));
  EXPECT_EQ(file_->allocated(), 0U);
  ASSERT_TRUE(file_->allocate(0, 2 * kMiB, false, Wait::yes));
  EXPECT_EQ(file_->allocated(), 2 * kMiB);
  EXPECT_TRUE(file_->allocate(0, 2 * kMiB, false, Wait::no));  // everything is allocated already
}

TEST_F(ShapingTest, AllocatesMoreThanMemoryHolds) {
  ASSERT_TRUE(file_->allocate(1000, 40 * kMiB, false, Wait::yes));
  EXPECT_EQ(file_->allocated(), 40 * kMiB + kPage);
  EXPECT_TRUE(all_zero(file_.bytes(20 * kMiB, kMiB)));
}

TEST_F(ShapingTest, AllocatesWithoutAskingTheDisk) {
  machine_.disk.fail_writes(EIO);
  machine_.disk.fail_reads(EIO);
  ASSERT_TRUE(file_->allocate(0, 200 * kMiB, false, Wait::yes));
  EXPECT_EQ(file_->allocated(), 200 * kMiB);
  EXPECT_EQ(machine_.charged(), 200 * kMiB);
  EXPECT_LT(machine_.store->stats().memory_used, kMiB);
  EXPECT_EQ(machine_.store->stats().set_aside, 200 * kMiB);
  EXPECT_TRUE(all_zero(file_.bytes(100 * kMiB, kMiB)));
  EXPECT_TRUE(file_->seek_data(0).is(Errno(ENXIO)));
  EXPECT_EQ(*file_->seek_hole(kMiB), kMiB);
  EXPECT_EQ(machine_.disk.writes(), 0U);
  ASSERT_TRUE(file_->truncate(0, Wait::yes));
  EXPECT_EQ(machine_.store->stats().set_aside, 0U);
  EXPECT_EQ(machine_.store->stats().memory_used, 0U);
  EXPECT_EQ(machine_.charged(), 0U);
}

TEST_F(ShapingTest, OnlyWhatIsWrittenOfAnAllocationIsData) {
  ASSERT_TRUE(file_->allocate(0, 2 * kMiB, false, Wait::yes));
  file_.put(Bytes(1, std::byte{7}), kMiB + 5000);
  EXPECT_EQ(*file_->seek_data(0), kMiB + kPage);
  EXPECT_EQ(*file_->seek_hole(kMiB + kPage), kMiB + 2 * kPage);
  Bytes expected(2 * kMiB);
  expected[kMiB + 5000] = std::byte{7};
  EXPECT_EQ(file_.all(), expected);
  spill(machine_, file_, kMiB + 5000);
  EXPECT_EQ(file_.all(), expected);
  EXPECT_EQ(*file_->seek_data(0), kMiB + kPage);
  EXPECT_EQ(file_->allocated(), 2 * kMiB);
}

TEST_F(ShapingTest, AnAllocationIsRoomThatNobodyElseCanTake) {
  Machine machine(32 * kMiB);
  File file(machine);
  ASSERT_TRUE(file->allocate(0, 24 * kMiB, false, Wait::yes));
  File other(machine);
  const Bytes one = pattern(kMiB, 3);
  auto written = other->write(one, 0, Wait::yes);
  while (written) written = other->write(one, other->size(), Wait::yes);
  EXPECT_TRUE(written.is(Errno(ENOSPC)));
  const Bytes bytes = pattern(24 * kMiB, 4);
  file.put(bytes, 0);
  EXPECT_EQ(file.all(), bytes);
}

TEST_F(ShapingTest, PartsOfAnAllocationCanGo) {
  ASSERT_TRUE(file_->allocate(0, 2 * kMiB, false, Wait::yes));
  ASSERT_TRUE(file_->punch(5 * kPage, 3 * kPage, Wait::no));
  ASSERT_TRUE(file_->truncate(kMiB + 100, Wait::no));
  EXPECT_EQ(file_->allocated(), kMiB + kPage - 3 * kPage);
  EXPECT_EQ(machine_.charged(), file_->allocated());
  ASSERT_TRUE(file_->allocate(4 * kPage, 2 * kMiB, false, Wait::yes));
  EXPECT_EQ(file_->allocated(), 2 * kMiB + 4 * kPage);
  EXPECT_EQ(machine_.store->stats().set_aside, 2 * kMiB + 16 * kKiB);
  EXPECT_TRUE(all_zero(file_.all()));
  EXPECT_EQ(machine_.disk.writes(), 0U);
}

TEST_F(ShapingTest, WhatIsAllocatedInMemoryLeavesItWithoutBeingWritten) {
  std::vector<std::unique_ptr<File>> files;
  for (int i = 0; i < 5; ++i) {
    files.push_back(std::make_unique<File>(machine_));
    ASSERT_TRUE(files.back()->content.allocate(0, kMiB, false, Wait::no));
  }
  EXPECT_EQ(machine_.store->stats().set_aside, 0U);
  file_.put(pattern(6 * kMiB, 1), 0);
  EXPECT_GT(machine_.store->stats().set_aside, 0U);
  for (const auto& file : files) EXPECT_TRUE(all_zero(file->all()));
  EXPECT_EQ(file_.all(), pattern(6 * kMiB, 1));
}

TEST_F(ShapingTest, FailsAtOnceWhereAnAllocationCannotFit) {
  const std::uint64_t spilled = machine_.store->stats().blocks_spilled;
  file_.put(pattern(kPage, 1), 0);
  for (const Wait wait : {Wait::no, Wait::yes}) {
    EXPECT_TRUE(file_->allocate(0, kTiB, false, wait).is(Errno(ENOSPC)));
    EXPECT_TRUE(file_->allocate(0, kMaxSize, false, wait).is(Errno(ENOSPC)));
    EXPECT_TRUE(file_->zero(0, kTiB, false, wait).is(Errno(ENOSPC)));
  }
  machine_.limit_owner(100 * kMiB);
  EXPECT_TRUE(file_->allocate(0, kTiB, false, Wait::yes).is(Errno(EDQUOT)));
  EXPECT_TRUE(file_->zero(0, kTiB, false, Wait::yes).is(Errno(EDQUOT)));
  EXPECT_EQ(file_->allocated(), kPage);
  EXPECT_EQ(machine_.charged(), kPage);
  EXPECT_EQ(file_->size(), kPage);
  EXPECT_EQ(file_.all(), pattern(kPage, 1));
  EXPECT_EQ(machine_.store->stats().blocks_spilled, spilled);
}

TEST_F(ShapingTest, UndoesAnAllocationThatTheDiskFails) {
  const Bytes bytes = pattern(3 * kPage + 5, 1);
  file_.put(bytes, 2 * kMiB + kPage);
  spill(machine_, file_, 2 * kMiB + kPage);
  machine_.disk.fail_reads(EIO);  // the block must be read before pages are added to it
  EXPECT_TRUE(file_->allocate(0, 30 * kMiB, false, Wait::yes).is(Errno(EIO)));
  EXPECT_EQ(file_->allocated(), 4 * kPage);
  EXPECT_EQ(machine_.charged(), 4 * kPage);
  EXPECT_EQ(file_->size(), 2 * kMiB + 4 * kPage + 5);
  machine_.disk.fail_reads(std::nullopt);
  EXPECT_EQ(file_.bytes(2 * kMiB + kPage, kMiB), bytes);
  EXPECT_TRUE(all_zero(file_.bytes(0, 2 * kMiB + kPage)));
}

TEST_F(ShapingTest, ZeroesARangeAndAllocatesAllOfIt) {
  const Bytes bytes = pattern(kMiB, 1);
  file_.put(bytes, 0);
  ASSERT_TRUE(file_->punch(64 * kKiB, 64 * kKiB, Wait::no));
  ASSERT_TRUE(file_->zero(1000, 200'000, true, Wait::no));
  EXPECT_EQ(file_->allocated(), kMiB);
  EXPECT_EQ(file_.bytes(0, 1000), Bytes(bytes.begin(), bytes.begin() + 1000));
  EXPECT_TRUE(all_zero(file_.bytes(1000, 200'000)));
  EXPECT_EQ(file_.bytes(201'000, kMiB), Bytes(bytes.begin() + 201'000, bytes.end()));
  ASSERT_TRUE(file_->zero(kMiB, 10, false, Wait::no));
  EXPECT_EQ(file_->size(), kMiB + 10);
}

TEST_F(ShapingTest, CopiesWithinAFileAndBetweenFiles) {
  const Bytes bytes = pattern(500'000, 1);
  file_.put(bytes, 0);
  File other(machine_);
  const auto copied = Content::copy(file_.content, 1000, other.content, 7, 1'000'000, Wait::no);
  ASSERT_TRUE(copied);
  EXPECT_EQ(*copied, 499'000U);
  EXPECT_EQ(other->size(), 499'007U);
  EXPECT_EQ(other.bytes(7, 499'000), Bytes(bytes.begin() + 1000, bytes.end()));
  ASSERT_EQ(*Content::copy(file_.content, 0, file_.content, 100'000, 100'000, Wait::no), 100'000U);
  EXPECT_EQ(file_.bytes(100'000, 100'000), file_.bytes(0, 100'000));
  EXPECT_EQ(*Content::copy(file_.content, 500'000, other.content, 0, 10, Wait::no), 0U);
}

TEST_F(ShapingTest, RefusesToCopyOntoItself) {
  file_.put(pattern(10'000, 1), 0);
  EXPECT_TRUE(
      Content::copy(file_.content, 0, file_.content, 9999, 10'000, Wait::no).is(Errno(EINVAL)));
  EXPECT_TRUE(Content::copy(file_.content, 5, file_.content, 0, 6, Wait::no).is(Errno(EINVAL)));
  // An overlap beyond the end of the source does not count.
  EXPECT_EQ(*Content::copy(file_.content, 0, file_.content, 10'000, 1 << 20, Wait::no), 10'000U);
}

TEST_F(ShapingTest, CopiesHolesAsHolesAndOntoPagesAsZeros) {
  ASSERT_TRUE(file_->truncate(kTiB, Wait::no));
  const Bytes bytes = pattern(kPage, 1);
  file_.put(bytes, 512 * kMiB);
  File other(machine_);
  other.put(pattern(kMiB, 2), 0);
  const auto copied = Content::copy(file_.content, 0, other.content, 0, kTiB, Wait::yes);
  ASSERT_TRUE(copied);
  EXPECT_EQ(*copied, kTiB);
  EXPECT_EQ(other->size(), kTiB);
  EXPECT_EQ(other->allocated(), kMiB + kPage);
  EXPECT_TRUE(all_zero(other.bytes(0, 2 * kMiB)));
  EXPECT_EQ(other.bytes(512 * kMiB, kPage), bytes);
}

TEST_F(ShapingTest, CopiesAsMuchAsTheQuotaLetsIt) {
  file_.put(pattern(40 * kPage, 1), 0);
  File other(machine_);
  machine_.limit_owner(50 * kPage);
  EXPECT_EQ(*Content::copy(file_.content, 0, other.content, 0, 40 * kPage, Wait::no), 10 * kPage);
  EXPECT_EQ(other.all(), file_.bytes(0, 10 * kPage));
  EXPECT_TRUE(Content::copy(file_.content, 0, other.content, 10 * kPage, kPage, Wait::no)
                  .is(Errno(EDQUOT)));
}

}  // namespace
}  // namespace scratchfs::content
