// Single-threaded: the results of read(2), write(2), truncate(2) and lseek(2).
#include "fs/content/content.h"

#include <gtest/gtest.h>

#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

class ContentTest : public ::testing::Test {
 protected:
  Machine machine_;
  File file_{machine_};
};

TEST_F(ContentTest, IsEmptyAndCostsNothingAtFirst) {
  EXPECT_EQ(file_->size(), 0U);
  EXPECT_EQ(file_->allocated(), 0U);
  EXPECT_TRUE(file_.all().empty());
  EXPECT_EQ(machine_.charged(), 0U);
  EXPECT_EQ(machine_.store->stats().memory_used, 0U);
}

TEST_F(ContentTest, ReadsBackWhatWasWrittenAndNothingBeyondTheEnd) {
  const Bytes bytes = pattern(300 * kKiB + 17, 1);
  file_.put(bytes, 0);
  EXPECT_EQ(file_.all(), bytes);
  EXPECT_EQ(file_.bytes(300 * kKiB, 1000).size(), 17U);
  EXPECT_TRUE(file_.bytes(bytes.size(), 10).empty());
  EXPECT_TRUE(file_.bytes(kMaxSize + 1, 10).empty());
}

TEST_F(ContentTest, WritesNothingWhereNothingIsGiven) {
  const auto written = file_->write({}, 5000, Wait::no);
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, 0U);
  EXPECT_EQ(file_->size(), 0U);
}

TEST_F(ContentTest, KeepsAFewBytesForLessThanAPage) {
  file_.put(pattern(100, 1), 0);
  EXPECT_EQ(file_->allocated(), 512U);
  EXPECT_EQ(machine_.charged(), 512U);
  EXPECT_EQ(machine_.store->stats().memory_used, 512U);
  file_.put(pattern(1000, 2), 900);
  EXPECT_EQ(file_->size(), 1900U);
  EXPECT_EQ(file_->allocated(), 2048U);
  EXPECT_TRUE(all_zero(file_.bytes(100, 800)));
}

TEST_F(ContentTest, TurnsSmallBytesIntoAPageWhenTheyGrow) {
  const Bytes bytes = pattern(5000, 1);
  for (std::size_t at = 0; at < bytes.size(); at += 100) {
    file_.put(Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    bytes.begin() + static_cast<std::ptrdiff_t>(at + 100)),
              at);
  }
  EXPECT_EQ(file_.all(), bytes);
  EXPECT_EQ(file_->allocated(), 2 * kPage);
  EXPECT_EQ(machine_.charged(), 2 * kPage);
  ASSERT_TRUE(file_->truncate(0, Wait::no));
  EXPECT_EQ(machine_.charged(), 0U);
  EXPECT_EQ(machine_.store->stats().memory_used, 0U);
}

TEST_F(ContentTest, KeepsSmallBytesWhereTheFileOnlyGetsLonger) {
  file_.put(pattern(100, 1), 0);
  ASSERT_TRUE(file_->truncate(5 * kTiB, Wait::no));
  EXPECT_EQ(file_->allocated(), 512U);
  EXPECT_EQ(file_.bytes(0, 100), pattern(100, 1));
  EXPECT_TRUE(all_zero(file_.bytes(100, 10'000)));
  EXPECT_TRUE(all_zero(file_.bytes(5 * kTiB - 100, 100)));
}

TEST_F(ContentTest, ReadsZerosFromWhatWasCutOffAndGrownAgain) {
  for (const std::size_t size : {std::size_t{1500}, std::size_t{200'000}}) {
    for (const std::size_t cut : {std::size_t{1}, std::size_t{511}, std::size_t{1024}, size - 1}) {
      File file(machine_);
      const Bytes bytes = pattern(size, 3);
      file.put(bytes, 0);
      ASSERT_TRUE(file->truncate(cut, Wait::yes));
      ASSERT_TRUE(file->truncate(size, Wait::yes));
      EXPECT_EQ(file.bytes(0, cut),
                Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut)));
      EXPECT_TRUE(all_zero(file.bytes(cut, size - cut)));
    }
  }
}

TEST_F(ContentTest, FreesPagesAtOnceWhenItIsCut) {
  file_.put(pattern(kMiB, 1), 0);
  ASSERT_TRUE(file_->truncate(5 * kPage + 1, Wait::no));
  EXPECT_EQ(file_->allocated(), 6 * kPage);
  EXPECT_EQ(machine_.charged(), 6 * kPage);
  ASSERT_TRUE(file_->truncate(0, Wait::no));
  EXPECT_EQ(file_->allocated(), 0U);
  EXPECT_EQ(machine_.store->stats().memory_used, 0U);
}

TEST_F(ContentTest, TakesOffsetsOfManyTebibytes) {
  const Bytes bytes = pattern(100'000, 1);
  file_.put(bytes, 8 * kTiB - 50'000);
  file_.put(bytes, 3 * kTiB);
  EXPECT_EQ(file_->size(), 8 * kTiB + 50'000);
  EXPECT_EQ(file_.bytes(8 * kTiB - 50'000, 200'000), bytes);
  EXPECT_LE(file_->allocated(), 60 * kPage);
  EXPECT_LT(machine_.store->stats().memory_used, file_->allocated() + 4 * kKiB);
  EXPECT_EQ(*file_->seek_data(0), 3 * kTiB);
  EXPECT_EQ(*file_->seek_data(4 * kTiB), (8 * kTiB - 50'000) / kPage * kPage);
}

TEST_F(ContentTest, EndsAtTheLargestOffset) {
  const Bytes bytes = pattern(10, 1);
  const auto written = file_->write(bytes, kMaxSize - 4, Wait::no);
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, 4U);
  EXPECT_EQ(file_->size(), kMaxSize);
  EXPECT_EQ(file_.bytes(kMaxSize - 4, 10), Bytes(bytes.begin(), bytes.begin() + 4));
  EXPECT_TRUE(file_->write(bytes, kMaxSize, Wait::no).is(Errno(EFBIG)));
  EXPECT_TRUE(file_->write(bytes, UINT64_MAX, Wait::no).is(Errno(EFBIG)));
  EXPECT_TRUE(file_->truncate(kMaxSize + 1, Wait::no).is(Errno(EFBIG)));
  EXPECT_TRUE(file_->allocate(kMaxSize, 1, true, Wait::no).is(Errno(EFBIG)));
  EXPECT_TRUE(file_->allocate(1, kMaxSize, true, Wait::yes).is(Errno(EFBIG)));
  EXPECT_TRUE(file_->zero(kMaxSize, 1, true, Wait::yes).is(Errno(EFBIG)));
}

TEST_F(ContentTest, SeeksDataAndHolesByPages) {
  ASSERT_TRUE(file_->truncate(10 * kMiB, Wait::no));
  file_.put(pattern(1, 1), 3 * kMiB + 5000);
  file_.put(pattern(2 * kPage, 1), 5 * kMiB);
  EXPECT_EQ(*file_->seek_data(0), 3 * kMiB + kPage);
  EXPECT_EQ(*file_->seek_data(3 * kMiB + 5001), 3 * kMiB + 5001);
  EXPECT_EQ(*file_->seek_hole(3 * kMiB + 5001), 3 * kMiB + 2 * kPage);
  EXPECT_EQ(*file_->seek_data(3 * kMiB + 2 * kPage), 5 * kMiB);
  EXPECT_EQ(*file_->seek_hole(5 * kMiB), 5 * kMiB + 2 * kPage);
  EXPECT_EQ(*file_->seek_hole(7), 7U);
  EXPECT_TRUE(file_->seek_data(5 * kMiB + 2 * kPage).is(Errno(ENXIO)));
  EXPECT_TRUE(file_->seek_data(10 * kMiB).is(Errno(ENXIO)));
  EXPECT_TRUE(file_->seek_hole(10 * kMiB).is(Errno(ENXIO)));
  EXPECT_TRUE(file_->seek_hole(UINT64_MAX).is(Errno(ENXIO)));
}

TEST_F(ContentTest, HasAHoleAtItsEnd) {
  EXPECT_TRUE(file_->seek_data(0).is(Errno(ENXIO)));
  file_.put(pattern(100, 1), 0);
  EXPECT_EQ(*file_->seek_data(99), 99U);
  EXPECT_EQ(*file_->seek_hole(0), 100U);
  file_.put(pattern(6000, 1), 0);
  EXPECT_EQ(*file_->seek_hole(0), 6000U);
  EXPECT_TRUE(file_->seek_hole(6000).is(Errno(ENXIO)));
}

TEST_F(ContentTest, TellsSmallBytesFromTheHoleBehindThem) {
  file_.put(pattern(100, 1), 0);
  ASSERT_TRUE(file_->truncate(kMiB, Wait::no));
  EXPECT_EQ(*file_->seek_hole(50), kPage);
  EXPECT_EQ(*file_->seek_hole(9000), 9000U);
  EXPECT_TRUE(file_->seek_data(kPage).is(Errno(ENXIO)));
}

TEST_F(ContentTest, GivesEverythingBackWhenItEnds) {
  {
    File file(machine_);
    file.put(pattern(3 * kMiB, 1), 123);
    File small(machine_);
    small.put(pattern(1200, 1), 0);
    EXPECT_EQ(machine_.charged(), file->allocated() + small->allocated());
  }
  EXPECT_EQ(machine_.charged(), 0U);
  EXPECT_EQ(machine_.store->stats().memory_used, 0U);
}

TEST_F(ContentTest, LeavesWhatOthersChargedToTheSameFileAlone) {
  quota::Charge charge(machine_.ledger, machine_.ledger.account(7));
  ASSERT_TRUE(charge.grow({.bytes = 100, .inodes = 1}));
  {
    Content content(*machine_.store, charge);
    ASSERT_TRUE(content.write(pattern(10'000, 1), 0, Wait::no));
  }
  EXPECT_EQ(charge.usage(), (quota::Usage{.bytes = 100, .inodes = 1}));
}

}  // namespace
}  // namespace scratchfs::content
