// Mount flags that the kernel implements (ro, noatime, ...): given at mount time, and shown by
// findmnt(8). tests/parity/flags_test.cc compares remounts with tmpfs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

class Flags : public testing::TestWithParam<Transport> {
 protected:
  static std::string shown(const Mount& mount) {
    return run({"findmnt", "--noheadings", "--output", "OPTIONS", "--mountpoint", mount.path()})
        .out;
  }
  // Returns which of two reads through a descriptor that bypasses the page cache change the access
  // time.
  static std::string moved_by_two_reads(const Mount& mount) {
    make_file((mount / "f").c_str(), "content");
    const Fd file(open((mount / "f").c_str(), O_RDWR));
    std::string moved;
    for (int i = 0; i < 2; ++i) {
      struct stat before {};
      struct stat after {};
      char byte = 0;
      fstat(file.get(), &before);
      let_the_clock_tick();
      EXPECT_EQ(pread(file.get(), &byte, 1, 0), 1);
      fstat(file.get(), &after);
      const bool same = before.st_atim.tv_sec == after.st_atim.tv_sec &&
                        before.st_atim.tv_nsec == after.st_atim.tv_nsec;
      moved += same ? " no" : " yes";
    }
    return moved;
  }
};

INSTANTIATE_TEST_SUITE_P(Transports, Flags,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName());

TEST_P(Flags, AccessTimesFollowWhatTheMountWasToldAndFindmntShowsIt) {
  const struct {
    const char* options;
    const char* shows;
    const char* moved;
  } cases[] = {{"lifetime=mount", ",relatime", " yes no"},
               {"lifetime=mount,relatime", ",relatime", " yes no"},
               {"lifetime=mount,noatime", ",noatime", " no no"},
               {"lifetime=mount,strictatime", "rw,nosuid,nodev,user_id", " yes yes"}};
  for (const auto& [options, shows, moved] : cases) {
    const Mount mount(options, GetParam());
    ASSERT_TRUE(mount.alive());
    EXPECT_NE(shown(mount).find(shows), std::string::npos) << options << ": " << shown(mount);
    EXPECT_EQ(moved_by_two_reads(mount), moved) << options;
  }
}

TEST_P(Flags, AMountThatBeginsReadOnlyAnswersItsCommandsAndCanBeMadeWritable) {
  const Mount mount("lifetime=mount,ro", GetParam());
  ASSERT_TRUE(mount.alive());
  EXPECT_TRUE(shown(mount).starts_with("ro,")) << shown(mount);
  EXPECT_FALSE(Fd(open((mount / "f").c_str(), O_CREAT | O_WRONLY, 0600)).valid());
  EXPECT_EQ(errno, EROFS);
  EXPECT_EQ(status_of(mount)["lifetime"], "mount");
  const Finished set = run({scratchfs_binary(), "set", mount.path(), "-o", "rw,noexec,memory=32M"});
  EXPECT_EQ(set.code, 0) << set.err;
  EXPECT_EQ(status_of(mount)["memory"]["budget"], 32 << 20);
  EXPECT_TRUE(shown(mount).starts_with("rw,nosuid,nodev,noexec,")) << shown(mount);
  EXPECT_EQ(moved_by_two_reads(mount), " yes no");
}

TEST_P(Flags, WhoMayNotChangeThemIsToldSoInALine) {
  const Mount mount("lifetime=mount", GetParam());
  ASSERT_TRUE(mount.alive());
  const Finished refused =
      run({scratchfs_binary(), "set", mount.path(), "-o", "noatime"}, {.who = as_user(kNobody)});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err.find('\n'), refused.err.size() - 1) << refused.err;
  EXPECT_NE(shown(mount).find(",relatime"), std::string::npos) << shown(mount);
  EXPECT_EQ(moved_by_two_reads(mount), " yes no");
  const Fd writer(open((mount / "f").c_str(), O_WRONLY));
  const Finished busy = run({scratchfs_binary(), "set", mount.path(), "-o", "ro"});
  EXPECT_EQ(busy.code, 1);
  EXPECT_NE(busy.err.find("busy"), std::string::npos) << busy.err;
}

TEST(FlagsOfUsers, StrictatimeIsRootsAlone) {
  const std::string point = make_directory("strict");
  ASSERT_EQ(chown(point.c_str(), kNobody, kNobody), 0);
  const Finished refused =
      run({scratchfs_binary(), point, "-o", "strictatime"}, {.who = as_user(kNobody)});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("strictatime: only root"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace scratchfs::harness
