// I/O that scratchfs supports and tmpfs does not.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/parity.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

class Io : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"lifetime=mount,memory=64M", GetParam()};
  Fd create(const std::string& name) const {
    Fd file(open((mount_ / name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    EXPECT_TRUE(file.valid()) << name << ": " << errno_name(errno);
    return file;
  }
  static long blocks(int fd) {
    struct stat info {};
    EXPECT_EQ(fstat(fd, &info), 0);
    return info.st_blocks;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Io, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Io, ZeroRangeReadsAsZerosAndIsAllocated) {
  const Fd file = create("f");
  std::string data = random_bytes(20 * kPage, 1);
  ASSERT_EQ(pwrite(file.get(), data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
  ASSERT_EQ(fallocate(file.get(), FALLOC_FL_ZERO_RANGE, 3 * kPage + 100, 5 * kPage), 0)
      << errno_name(errno);
  data.replace(3 * kPage + 100, 5 * kPage, 5 * kPage, '\0');
  EXPECT_TRUE(bytes_of_file(mount_ / "f") == data);
  EXPECT_EQ(blocks(file.get()), 20 * 8);
}

TEST_P(Io, ZeroRangeGrowsTheFileUnlessToldNotTo) {
  const Fd file = create("f");
  ASSERT_EQ(fallocate(file.get(), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4 * kPage), 0);
  struct stat info {};
  ASSERT_EQ(fstat(file.get(), &info), 0);
  EXPECT_EQ(info.st_size, 0);
  EXPECT_EQ(info.st_blocks, 4 * 8);
  ASSERT_EQ(fallocate(file.get(), FALLOC_FL_ZERO_RANGE, 0, 6 * kPage), 0);
  EXPECT_EQ(bytes_of_file(mount_ / "f"), std::string(6 * kPage, '\0'));
}

TEST_P(Io, SmallFilesTakeLessThanAPageButAtLeastABlock) {
  const Fd file = create("f");
  EXPECT_EQ(blocks(file.get()), 0);
  ASSERT_EQ(write(file.get(), "x", 1), 1);
  EXPECT_GE(blocks(file.get()), 1) << "tools take 0 for a hole";
  EXPECT_LE(blocks(file.get()), 8);
  ASSERT_EQ(pwrite(file.get(), "y", 1, 1'000'000), 1);
  EXPECT_EQ(bytes_of_file(mount_ / "f"), "x" + std::string(999'999, '\0') + "y");
}

TEST_P(Io, CopiesKeepHoles) {
  const Fd source = create("source");
  const std::string data = random_bytes(kPage, 1);
  ASSERT_EQ(pwrite(source.get(), data.data(), kPage, 100 * kPage), static_cast<ssize_t>(kPage));
  const Fd target = create("target");
  off_t from = 0;
  off_t to = 0;
  std::size_t left = 101 * kPage;
  while (left > 0) {
    const ssize_t copied = copy_file_range(source.get(), &from, target.get(), &to, left, 0);
    ASSERT_GT(copied, 0) << errno_name(errno);
    left -= static_cast<std::size_t>(copied);
  }
  EXPECT_TRUE(bytes_of_file(mount_ / "target") == bytes_of_file(mount_ / "source"));
  EXPECT_LE(blocks(target.get()), 101 * 8);
}

TEST_P(Io, StatxTellsTheSameAsStat) {
  const Fd file = create("f");
  ASSERT_EQ(write(file.get(), "hello", 5), 5);
  struct stat plain {};
  struct statx more {};
  ASSERT_EQ(stat((mount_ / "f").c_str(), &plain), 0);
  ASSERT_EQ(statx(AT_FDCWD, (mount_ / "f").c_str(), AT_STATX_FORCE_SYNC,
                  STATX_BASIC_STATS | STATX_BTIME, &more),
            0);
  EXPECT_EQ(more.stx_ino, plain.st_ino);
  EXPECT_EQ(more.stx_size, 5U);
  EXPECT_EQ(more.stx_mode, plain.st_mode);
  EXPECT_EQ(more.stx_mtime.tv_sec, plain.st_mtim.tv_sec);
  EXPECT_EQ(more.stx_mtime.tv_nsec, plain.st_mtim.tv_nsec);
  EXPECT_NE(more.stx_mask & STATX_BTIME, 0U);
  EXPECT_EQ(more.stx_btime.tv_sec, plain.st_ctim.tv_sec);
}

// make(1) depends on this.
TEST_P(Io, AFileIsNeverNewerThanOneWrittenLaterElsewhere) {
  const Tmpfs elsewhere;
  const auto write_file = [](const std::string& path) {
    struct stat info {};
    const Fd file(open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600));
    EXPECT_EQ(write(file.get(), "x", 1), 1);
    EXPECT_EQ(fstat(file.get(), &info), 0);
    return std::pair(info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  };
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "f" + std::to_string(i);
    const auto here = write_file(mount_ / name);
    const auto there = write_file(elsewhere.path() + "/" + name);
    ASSERT_LE(here, there) << "pair " << i;
  }
}

// Reads of files this large bypass the page cache, too; mappings do not.
TEST_P(Io, AReaderAMapAndAWriterOfALargeFileSeeTheSame) {
  constexpr off_t kSize = 200 << 20;
  constexpr off_t kWhere = (190 << 20) + 12'345;
  const std::string path = mount_ / "f";
  {
    const Fd file = create("f");
    ASSERT_EQ(ftruncate(file.get(), kSize), 0);
    ASSERT_EQ(pwrite(file.get(), "first", 5, kWhere), 5);
  }
  const Fd reader(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto* map =
      static_cast<const char*>(mmap(nullptr, kSize, PROT_READ, MAP_SHARED, reader.get(), 0));
  ASSERT_NE(map, MAP_FAILED);
  char bytes[5] = {};
  EXPECT_EQ(pread(reader.get(), bytes, 5, kWhere), 5);
  EXPECT_EQ(std::string(bytes, 5), "first");
  EXPECT_EQ(std::string(map + kWhere, 5), "first");
  const Fd writer(open(path.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(pwrite(writer.get(), "later", 5, kWhere), 5);
  EXPECT_EQ(pread(reader.get(), bytes, 5, kWhere), 5);
  EXPECT_EQ(std::string(bytes, 5), "later");
  EXPECT_EQ(std::string(map + kWhere, 5), "later");
  EXPECT_EQ(map[kWhere - 1], 0);
  munmap(const_cast<char*>(map), kSize);
}

TEST_P(Io, ThereAreNoSelinuxLabelsAndLsIsToldSo) {
  const Fd file = create("f");
  char value[64];
  EXPECT_EQ(fgetxattr(file.get(), "security.selinux", value, sizeof value), -1);
  EXPECT_EQ(errno_name(errno), "EOPNOTSUPP");
}

TEST_P(Io, ADirectoryOfTwentyThousandFilesComesAndGoes) {
  constexpr int kFiles = 20'000;
  ASSERT_EQ(mkdir((mount_ / "d").c_str(), 0700), 0);
  for (int i = 0; i < kFiles; ++i) {
    ASSERT_TRUE(create("d/" + std::to_string(i)).valid());
  }
  EXPECT_EQ(names_in(mount_ / "d").size(), static_cast<std::size_t>(kFiles));
  EXPECT_EQ(run({"rm", "-r", mount_ / "d"}).code, 0);
  EXPECT_FALSE(exists(mount_ / "d"));
}

}  // namespace
}  // namespace scratchfs::harness
