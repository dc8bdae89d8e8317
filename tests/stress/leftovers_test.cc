// What is left, in the kernel and in the daemon, of files that are gone: nothing that grows.
// SCRATCHFS_ROUNDS=N sets how many files come and go.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>

#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

constexpr long kInodesMore = 5'000;
constexpr long kKilobytesMore = 24 << 10;

long rounds() {
  const char* text = std::getenv("SCRATCHFS_ROUNDS");
  if (text != nullptr) return std::strtol(text, nullptr, 10);
  return slowness() == 1 ? 30'000 : 5'000;
}

// The inodes of FUSE that the kernel has in memory, of all mounts (slabinfo(5)).
long fuse_inodes() {
  std::istringstream lines(read_text("/proc/slabinfo"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    long active = 0;
    if (words >> name >> active && name == "fuse_inode") return active;
  }
  return -1;
}

class Leftovers : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { allow_seconds(90 + static_cast<unsigned>(rounds() / 1000)); }
  Mount mount_{"memory=64M", GetParam()};
  void create_write_close(long first, long count) const {
    for (long i = first; i < first + count; ++i) {
      const Fd file(open((mount_ / ("loose" + std::to_string(i))).c_str(),
                         O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      ASSERT_EQ(write(file.get(), "some bytes", 10), 10);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Leftovers, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Leftovers, OfLooseFilesThatCameAndWentAreNone) {
  create_write_close(0, 5'000);  // what a mount takes once
  const long inodes = fuse_inodes();
  const long resident = status_kb(mount_.daemon(), "VmRSS");
  ASSERT_GT(inodes, 0) << "the kernel tells nothing";
  create_write_close(5'000, rounds());
  EXPECT_TRUE(names_in(mount_.path()).empty());
  EXPECT_TRUE(eventually([&] { return fuse_inodes() <= inodes + kInodesMore; }, 10))
      << inodes << " before, " << fuse_inodes() << " after";
  if (sanitized()) return;  // a sanitizer keeps what is freed for a while
  EXPECT_TRUE(eventually(
      [&] { return status_kb(mount_.daemon(), "VmRSS") <= resident + kKilobytesMore; }, 10))
      << resident << " kB before, " << status_kb(mount_.daemon(), "VmRSS") << " kB after";
}

}  // namespace
}  // namespace scratchfs::harness
