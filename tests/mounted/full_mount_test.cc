// A full mount: writers get ENOSPC, and space is available again once something is deleted.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/parity.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

class FullMount : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, FullMount, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(FullMount, IsToldByEnospcAndRecovers) {
  const Mount mount("lifetime=mount,memory=16M,spill=0", GetParam());
  const std::string data = random_bytes(kMiB, 1);
  std::size_t done = 0;
  {
    const Fd file(open((mount / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ssize_t put = 0;
    while ((put = write(file.get(), data.data() + done % kMiB, kMiB - done % kMiB)) > 0) {
      done += static_cast<std::size_t>(put);
      ASSERT_LT(done, 64 * kMiB);
    }
    EXPECT_EQ(errno_name(errno), "ENOSPC");
  }
  EXPECT_GT(done, 8 * kMiB);
  const std::string back = bytes_of_file(mount / "f");
  ASSERT_EQ(back.size(), done);
  for (std::size_t i = 0; i < done; i += kMiB) {
    const std::size_t length = std::min(kMiB, done - i);
    EXPECT_TRUE(back.compare(i, length, data, 0, length) == 0) << "at " << i;
  }
  EXPECT_EQ(unlink((mount / "f").c_str()), 0);
  const Fd file(open((mount / "g").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  EXPECT_EQ(write(file.get(), data.data(), kMiB), static_cast<ssize_t>(kMiB)) << errno_name(errno);
}

// A single file can use what statfs(2) reported at first, except for a few blocks.
TEST_P(FullMount, TakesAsMuchAsDfPromised) {
  for (const std::string sizes : {"memory=16M,spill=0", "memory=16M,spill=48M"}) {
    const Mount mount("lifetime=mount," + sizes, GetParam());
    struct statvfs before {};
    ASSERT_EQ(statvfs(mount.path().c_str(), &before), 0);
    EXPECT_EQ(before.f_bavail, before.f_blocks) << "nothing is used yet";
    const std::uint64_t promised = free_bytes(mount.path());
    const std::string data = random_bytes(kMiB, 1);
    const Fd file(open((mount / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    std::uint64_t done = 0;
    for (std::size_t size = kMiB; size >= 4096; size /= 2) {
      for (ssize_t put = 0; (put = write(file.get(), data.data(), size)) > 0;)
        done += static_cast<std::uint64_t>(put);
      EXPECT_EQ(errno_name(errno), "ENOSPC");
    }
    EXPECT_GE(done, promised) << sizes;
    EXPECT_LE(done, promised + promised / 256) << sizes;
    EXPECT_LE(free_bytes(mount.path()), 64U << 10) << sizes;
  }
}

TEST_P(FullMount, InodesAreLimitedToo) {
  const Mount mount("lifetime=mount,memory=16M,inodes=100", GetParam());
  int made = 0;
  while (made < 200 && mkdir((mount / std::to_string(made)).c_str(), 0700) == 0) {
    ++made;
  }
  EXPECT_EQ(errno_name(errno), "ENOSPC");
  EXPECT_GE(made, 98);
  EXPECT_LE(made, 100);
  EXPECT_EQ(rmdir((mount / "0").c_str()), 0);
  EXPECT_EQ(outcome(mkdir((mount / "again").c_str(), 0700)), "0");
}

}  // namespace
}  // namespace scratchfs::harness
