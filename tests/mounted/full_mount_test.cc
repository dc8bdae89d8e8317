// A mount that is full: ENOSPC to whoever wants more, and room again once something goes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

constexpr std::size_t kMiB = 1 << 20;

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
