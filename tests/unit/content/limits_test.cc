// Quotas that are exceeded, memory that runs out, and a disk that fails.
#include <gtest/gtest.h>

#include "tests/unit/base/soon.h"
#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

class LimitsTest : public ::testing::TestWithParam<Wait> {};
INSTANTIATE_TEST_SUITE_P(Waits, LimitsTest, ::testing::Values(Wait::no, Wait::yes),
                         [](const auto& wait) {
                           return wait.param == Wait::no ? "WithoutWaiting" : "Waiting";
                         });

TEST_P(LimitsTest, WritesThePagesThatTheQuotaHasRoomFor) {
  Machine machine;
  File file(machine);
  machine.limit_owner(20 * kPage + 100);
  const Bytes bytes = pattern(40 * kPage, 1);
  const auto written = file->write(bytes, 1000, GetParam());
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, 20 * kPage - 1000);
  EXPECT_EQ(file->size(), 20 * kPage);
  EXPECT_EQ(file.bytes(1000, kMiB), Bytes(bytes.begin(), bytes.begin() + 20 * kPage - 1000));
  EXPECT_TRUE(file->write(bytes, 20 * kPage, GetParam()).is(Errno(EDQUOT)));
  EXPECT_TRUE(file->write(bytes, 100 * kPage, GetParam()).is(Errno(EDQUOT)));
  EXPECT_EQ(file->size(), 20 * kPage);
  EXPECT_EQ(machine.charged(), 20 * kPage);
}

TEST_P(LimitsTest, OverwritesWithoutAskingTheQuota) {
  Machine machine;
  File file(machine);
  file.put(pattern(40 * kPage, 1), 0);
  machine.limit_owner(1);
  const Bytes bytes = pattern(40 * kPage, 2);
  EXPECT_EQ(*file->write(bytes, 0, GetParam()), bytes.size());
  EXPECT_EQ(file.all(), bytes);
  // The part that overwrites fits into the quota, the part that extends the file does not.
  EXPECT_EQ(*file->write(bytes, 39 * kPage + 10, GetParam()), kPage - 10);
}

TEST_P(LimitsTest, KeepsSmallBytesWhereNoPageFits) {
  Machine machine;
  File file(machine);
  machine.limit_owner(1100);
  const Bytes bytes = pattern(10'000, 1);
  const auto written = file->write(bytes, 0, GetParam());
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, 1024U);
  EXPECT_EQ(file.all(), Bytes(bytes.begin(), bytes.begin() + 1024));
  EXPECT_TRUE(file->write(bytes, 1024, GetParam()).is(Errno(EDQUOT)));
  EXPECT_EQ(*file->write(bytes, 1000, GetParam()), 24U);
  EXPECT_EQ(machine.charged(), 1024U);
}

TEST_P(LimitsTest, TurnsSmallBytesIntoAPageForTheDifference) {
  Machine machine;
  File file(machine);
  file.put(pattern(2000, 1), 0);
  machine.limit_owner(kPage);
  const Bytes bytes = pattern(5000, 2);
  EXPECT_EQ(*file->write(bytes, 2000, GetParam()), kPage - 2000);
  EXPECT_EQ(machine.charged(), kPage);
  EXPECT_EQ(file.bytes(0, 2000), pattern(2000, 1));
}

TEST_P(LimitsTest, AllocatesAllOrNothing) {
  Machine machine;
  File file(machine);
  machine.limit_owner(20 * kPage);
  file.put(pattern(kPage, 1), 5 * kPage);
  EXPECT_TRUE(file->allocate(0, 21 * kPage, false, GetParam()).is(Errno(EDQUOT)));
  EXPECT_EQ(file->allocated(), kPage);
  EXPECT_EQ(file->size(), 6 * kPage);
  EXPECT_TRUE(file->allocate(0, 20 * kPage, false, GetParam()));
  EXPECT_EQ(machine.charged(), 20 * kPage);
}

TEST_P(LimitsTest, FillsAMemoryStoreToTheLastPageAndGoesOnAfterADeletion) {
  Machine machine(0);
  File first(machine);
  File second(machine);
  first.put(pattern(3 * kMiB, 1), 0);
  const Bytes bytes = pattern(10 * kMiB, 2);
  const auto written = second->write(bytes, 0, GetParam());
  ASSERT_TRUE(written);
  EXPECT_LT(*written, bytes.size());
  EXPECT_LT(machine.store->free_bytes(), kPage + 1024);
  EXPECT_TRUE(second->write(bytes, *written, GetParam()).is(Errno(ENOSPC)));
  EXPECT_EQ(second->size(), *written);
  EXPECT_EQ(machine.charged(), first->allocated() + second->allocated());
  EXPECT_EQ(first.all(), pattern(3 * kMiB, 1));
  EXPECT_EQ(second.all(),
            Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*written)));

  ASSERT_TRUE(first->truncate(0, GetParam()));
  const std::uint64_t more = *second->write(bytes, *written, GetParam());
  EXPECT_GE(more, 2 * kMiB);
}

TEST_P(LimitsTest, OverwritesWhatALargerWriteHasNoRoomFor) {
  Machine machine(0);
  File file(machine);
  ASSERT_LT(*file->write(pattern(10 * kMiB, 1), 0, Wait::yes), 10 * kMiB);
  // The first pages of this block exist and are written; of the others nothing remains.
  const std::uint64_t at = file->size() / kPage * kPage - kPage;
  const std::uint64_t size = file->size();
  const Bytes bytes = pattern(kMiB, 2);
  const auto written = file->write(bytes, at, GetParam());
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, size - at);
  EXPECT_EQ(file->size(), size);
}

TEST(Content, TellsADiskThatIsFullFromAQuotaThatIs) {
  Machine machine(4 * kMiB);
  machine.limit_owner(64 * kMiB);
  File file(machine);
  const Bytes bytes = pattern(64 * kKiB, 1);
  std::uint64_t size = 0;
  base::Result<std::size_t> written = std::size_t{0};
  while ((written = file->write(bytes, size, Wait::yes))) size += *written;
  EXPECT_EQ(written.error(), Errno(ENOSPC));
  EXPECT_GE(size, 8 * kMiB);
  EXPECT_LE(size, 13 * kMiB);
  EXPECT_EQ(file->size(), size);
  const Bytes all = file.all();
  ASSERT_EQ(all.size(), size);
  for (std::size_t at = 0; at < size; ++at) {
    ASSERT_EQ(all[at], bytes[at % bytes.size()]) << "at " << at;
  }
}

TEST(Content, GivesAnErrorAndNeverWrongBytesWhereASpilledBlockIsGone) {
  Machine machine;
  File file(machine);
  file.put(pattern(4 * kMiB, 1), 0);
  spill(machine, file, 0);
  machine.disk.fail_reads(EIO);
  Bytes into(4 * kMiB);
  EXPECT_TRUE(file->read(into, 0, Wait::yes).is(Errno(EIO)));
  EXPECT_TRUE(file->write({into.data(), 10}, 10, Wait::yes).is(Errno(EIO)));
  EXPECT_TRUE(file->truncate(10, Wait::yes).is(Errno(EIO)));
  EXPECT_EQ(file->size(), 4 * kMiB);
  // Overwriting a whole block does not read it.
  const Bytes block = pattern(store::kBlockSize, 2);
  EXPECT_EQ(*file->write(block, 0, Wait::yes), block.size());
  EXPECT_EQ(file.bytes(0, block.size()), block);
  ASSERT_TRUE(file->truncate(0, Wait::no));
  EXPECT_EQ(machine.charged(), 0U);
}

TEST(Content, NeverWaitsWhereItMustNot) {
  Machine machine;
  File file(machine);
  const Bytes bytes = pattern(4 * kMiB, 1);
  file.put(bytes, 0);
  spill(machine, file, 0);
  machine.disk.close_gate();  // a wait for the disk would never end
  std::byte one{42};
  EXPECT_TRUE(file->read({&one, 1}, 0, Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(file->write({&one, 1}, 0, Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(file->truncate(10, Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(file->punch(1, 1, Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(file->zero(1, 1, true, Wait::no).is(base::kWouldBlock));
  File other(machine);
  EXPECT_TRUE(Content::copy(file.content, 0, other.content, 0, 10, Wait::no).is(base::kWouldBlock));
  Bytes eight(8 * kMiB);
  EXPECT_TRUE(other->write(eight, 0, Wait::no).is(base::kWouldBlock));
  EXPECT_EQ(other->size(), 0U);  // a write that would block leaves nothing behind
  EXPECT_EQ(other->allocated(), 0U);
  machine.disk.open_gate();
  EXPECT_EQ(file.all(), bytes);
}

TEST(Content, PunchesWholeSpilledBlocksWithoutReadingThem) {
  Machine machine;
  File file(machine);
  file.put(pattern(4 * kMiB, 1), 0);
  spill(machine, file, 0);
  const std::uint64_t reads = machine.disk.reads();
  ASSERT_TRUE(file->punch(0, 2 * kMiB, Wait::no));
  ASSERT_TRUE(file->truncate(2 * kMiB, Wait::no));
  EXPECT_EQ(file->allocated(), 0U);
  EXPECT_EQ(machine.disk.reads(), reads);
}

TEST(Content, ReadsAheadOfWhoReadsFromEndToEndAndOfNobodyElse) {
  Machine machine;
  File file(machine);
  file.put(pattern(4 * kMiB, 1), 0);
  spill(machine, file, 0);
  spill(machine, file, 2 * kMiB);
  const auto fetched = [&] { return machine.store->stats().blocks_fetched; };
  const std::uint64_t before = fetched();
  Bytes into(64 * kKiB);
  EXPECT_TRUE(file->read(into, 0, Wait::yes));
  EXPECT_TRUE(file->read({into.data(), 100}, 0, Wait::yes));
  EXPECT_LE(fetched(), before + 1) << "the first read may have been the only one";
  EXPECT_TRUE(file->read(into, 64 * kKiB, Wait::yes));
  EXPECT_TRUE(soon([&] { return fetched() >= before + 8; })) << fetched() - before;
  EXPECT_TRUE(file.all() == pattern(4 * kMiB, 1));
}

}  // namespace
}  // namespace scratchfs::content
