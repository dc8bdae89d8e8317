// Setting the time of day back and forth while a mount is in use changes neither how long files
// live nor how long anything waits.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/preload.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

class Clocks : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{MountSettings{
      .options = "memory=8M", .transport = GetParam(), .environment = {preload("jumping_clock")}}};
};
INSTANTIATE_TEST_SUITE_P(Both, Clocks, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

// Verifies that the preloaded clock works; otherwise the other tests here prove nothing.
TEST_P(Clocks, TheDaemonSeesItJump) {
  struct stat one {};
  struct stat other {};
  Child holder = session([&] {
    claim(mount_ / "one");
    claim(mount_ / "other");
  });
  ASSERT_EQ(stat((mount_ / "one").c_str(), &one), 0);
  ASSERT_EQ(stat((mount_ / "other").c_str(), &other), 0);
  constexpr std::time_t kYear = 365 * 24 * 3600;
  EXPECT_GT(std::abs(one.st_ctim.tv_sec - std::time(nullptr)), 9 * kYear);
  EXPECT_GT(std::abs(other.st_ctim.tv_sec - std::time(nullptr)), 9 * kYear);
  end(holder);
}

TEST_P(Clocks, ClaimsLastAndEndInTheirTime) {
  Child holder = session([&] { claim(mount_ / "claimed"); });
  EXPECT_FALSE(goes(mount_ / "claimed"));
  end(holder);
  EXPECT_TRUE(gone_soon(mount_ / "claimed"));
}

TEST_P(Clocks, ContentsSpillAndComeBack) {
  const std::string bytes = random_bytes(4 * kMiB, 1);
  const Fd file(open((mount_ / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  for (off_t at = 0; at < static_cast<off_t>(16 * kMiB); at += static_cast<off_t>(bytes.size()))
    ASSERT_EQ(pwrite(file.get(), bytes.data(), bytes.size(), at),
              static_cast<ssize_t>(bytes.size()));
  std::string back(bytes.size(), '\0');
  for (off_t at = 0; at < static_cast<off_t>(16 * kMiB); at += static_cast<off_t>(bytes.size())) {
    ASSERT_EQ(pread(file.get(), back.data(), back.size(), at), static_cast<ssize_t>(back.size()));
    EXPECT_TRUE(back == bytes);
  }
  EXPECT_GT(status_of(mount_)["spill"]["used"], 0);
}

// A duplicate of a descriptor keeps the file: a lookup meanwhile waits a bounded time.
TEST_P(Clocks, AFileThatLooksLikeClosingIsWaitedForInItsTime) {
  const Fd file(open((mount_ / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ::close(::dup(file.get()));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(why_not(mount_ / "f"), "0");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, patience(10));
}

TEST_P(Clocks, StatusTellsHowLongTheMountIsThere) {
  EXPECT_LT(status_of(mount_)["uptime_seconds"], 3600);
  EXPECT_GE(status_of(mount_)["uptime_seconds"], 0);
}

}  // namespace
}  // namespace scratchfs::harness
