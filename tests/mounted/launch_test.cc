// The mount command: what it refuses, what it prints, and that it returns once the mount answers.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/preload.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

class Launch : public testing::Test {
 protected:
  void SetUp() override { ensure_environment(); }
  std::string mountpoint() const {
    const std::string path = make_directory("launch");
    return path;
  }
};

// Expects one line with the program's name, exit code `code`, and nothing left behind, both in the
// foreground and in the background.
void expect_refused(const std::string& at, const std::vector<std::string>& more, int code,
                    const std::string& says, const Who& who = {}) {
  for (const bool foreground : {false, true}) {
    const auto mounts_before = mounts_below(at).size();
    std::vector<std::string> words = {scratchfs_binary(), at};
    words.insert(words.end(), more.begin(), more.end());
    if (foreground) {
      words.emplace_back("-f");
    }
    SCOPED_TRACE(testing::PrintToString(words));
    const Finished finished = run(words, {.who = who, .seconds = 20});
    EXPECT_EQ(finished.code, code);
    EXPECT_EQ(finished.out, "");
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_TRUE(finished.err.starts_with("scratchfs: ")) << finished.err;
    EXPECT_NE(finished.err.find(says), std::string::npos) << finished.err;
    EXPECT_EQ(mounts_below(at).size(), mounts_before);
    EXPECT_TRUE(eventually([&] { return processes_naming(at).empty(); }, 2))
        << "a process is left over";
  }
}

TEST_F(Launch, OptionsThatMakeNoSenseAreUsageErrors) {
  const std::string at = mountpoint();
  expect_refused(at, {"-o", "bogus"}, 2, "bogus");
  expect_refused(at, {"-o", "memory=x"}, 2, "memory");
  expect_refused(at, {"-o", "memory=-1"}, 2, "memory");
  expect_refused(at, {"-o", "memory=0"}, 2, "memory");
  expect_refused(at, {"-o", "memory=1Q"}, 2, "memory");
  expect_refused(at, {"-o", "memory=200%"}, 2, "memory");
  expect_refused(at, {"-o", "memory"}, 2, "memory");
  expect_refused(at, {"-o", "memory="}, 2, "memory");
  expect_refused(at, {"-o", "memory=99999999999999999999"}, 2, "memory");
  expect_refused(at, {"-o", "spill=lots"}, 2, "spill");
  expect_refused(at, {"-o", "quota=none-at-all"}, 2, "quota");
  expect_refused(at, {"-o", "quota_inodes=1.5"}, 2, "quota_inodes");
  expect_refused(at, {"-o", "user_quota=root"}, 2, "user_quota");
  expect_refused(at, {"-o", "user_quota=nosuchuser:1M"}, 2, "nosuchuser");
  expect_refused(at, {"-o", "lifetime=forever"}, 2, "lifetime");
  expect_refused(at, {"-o", "create_mode=0777"}, 2, "create_mode");
  expect_refused(at, {"-o", "claim=galaxy"}, 2, "claim");
  expect_refused(at, {"-o", "io_uring=maybe"}, 2, "io_uring");
  expect_refused(at, {"--no-such-flag"}, 2, "no-such-flag");
}

TEST_F(Launch, ABudgetLargerThanTheMachineIsRefused) {
  expect_refused(mountpoint(), {"-o", "memory=900T"}, 2, "memory=900T");
}

TEST_F(Launch, NoMountpointIsAUsageError) {
  const Finished finished = run({scratchfs_binary()});
  EXPECT_EQ(finished.code, 2);
  EXPECT_NE(finished.err, "");
}

TEST_F(Launch, MountpointsThatCannotBeOnesAreRefused) {
  const std::string at = mountpoint();
  expect_refused(at + "/missing", {}, 1, "missing");
  make_file((at + "/file").c_str(), "x");
  expect_refused(at + "/file", {}, 1, "not a directory");
  expect_refused(at, {}, 1, "not empty");
  ASSERT_EQ(symlink("nowhere", (at + "/dangling").c_str()), 0);
  expect_refused(at + "/dangling", {}, 1, "dangling");
}

TEST_F(Launch, ANonEmptyMountpointCanBeHidden) {
  const std::string at = mountpoint();
  make_file((at + "/hidden").c_str(), "x");
  {
    const Mount mount(MountSettings{.options = "nonempty,memory=16M", .daemonize = true, .at = at});
    EXPECT_TRUE(names_in(at).empty());
  }
  EXPECT_EQ(names_in(at), std::vector<std::string>{"hidden"});
}

TEST_F(Launch, ABusyMountpointIsRefused) {
  const Tmpfs tmpfs;
  expect_refused(tmpfs.path(), {}, 1, "busy");
  EXPECT_FALSE(mounts_below(tmpfs.path()).empty());
}

TEST_F(Launch, AScratchfsIsNotMountedOverAnother) {
  const Mount mount("memory=16M");
  make_file((mount / "f").c_str(), "x");
  const Finished finished = run({scratchfs_binary(), mount.path()});
  EXPECT_EQ(finished.code, 1);
  EXPECT_NE(finished.err.find("already a scratchfs"), std::string::npos) << finished.err;
  EXPECT_EQ(mounts_below(mount.path()).size(), 1U);
}

TEST_F(Launch, SpillDirectoriesThatCannotBeOnesAreRefused) {
  const std::string at = mountpoint();
  const std::string around = make_directory("around");
  make_file((around + "/file").c_str(), "x");
  expect_refused(at, {"-o", "spill_dir=" + around + "/missing"}, 1, "spill directory");
  expect_refused(at, {"-o", "spill_dir=" + around + "/file"}, 1, "spill directory");
  expect_refused(at, {"-o", "spill_dir="}, 2, "spill_dir");
  const Tmpfs read_only;
  ASSERT_EQ(::mount(nullptr, read_only.path().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY,
                    nullptr),
            0);
  expect_refused(at, {"-o", "spill_dir=" + read_only.path()}, 1, "spill directory");
  const Mount other("memory=16M");
  expect_refused(at, {"-o", "spill_dir=" + other.path()}, 1, "lies on a scratchfs");
}

// The kernel sends requests as soon as the daemon has answered the first one.
TEST_F(Launch, TheFirstRequestsAreServedLikeLaterOnes) {
  const Mount mount(MountSettings{.options = "lifetime=mount,memory=16M",
                                  .transport = Transport::dev_fuse,
                                  .environment = {preload("late_threads")}});
  const std::string file = mount / "f";
  make_file(file.c_str(), "x");
  ASSERT_EQ(chmod(file.c_str(), 06777), 0);
  check_in_child(as_user(kNobody), [&] {
    const Fd opened(open(file.c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(write(opened.get(), "y", 1), 1) << errno_name(errno);
  });
  struct statx info {};
  ASSERT_EQ(statx(AT_FDCWD, file.c_str(), 0, STATX_MODE, &info), 0);
  EXPECT_EQ(info.stx_mode & 07777, 0777) << "the kernel has been notified of the cleared bits";
}

TEST_F(Launch, SpillingIntoMemoryIsWarnedOf) {
  const Tmpfs tmpfs;
  const std::string at = mountpoint();
  const Finished finished = run({scratchfs_binary(), at, "-o", "spill_dir=" + tmpfs.path()});
  EXPECT_EQ(finished.code, 0);
  EXPECT_NE(finished.err.find("memory"), std::string::npos) << finished.err;
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  EXPECT_EQ(run({scratchfs_binary(), "umount", at}).code, 0);
}

TEST_F(Launch, WithoutDevFuseItSaysSo) {
  const std::string at = mountpoint();
  // In its own mount namespace with an empty /dev.
  const Finished finished =
      run({"unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev && exec \"$0\" \"$1\"",
           scratchfs_binary(), at});
  EXPECT_EQ(finished.code, 1);
  EXPECT_NE(finished.err.find("/dev/fuse"), std::string::npos) << finished.err;
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  EXPECT_TRUE(processes_naming(at).empty());
}

TEST_F(Launch, WithoutProcItSaysSo) {
  if (sanitized()) GTEST_SKIP() << "a sanitizer needs /proc itself, and says so";
  const std::string at = mountpoint();
  const Finished finished =
      run({"unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$0\" \"$1\"",
           scratchfs_binary(), at});
  EXPECT_EQ(finished.code, 1);
  EXPECT_TRUE(finished.err.starts_with("scratchfs: /proc: not mounted")) << finished.err;
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
}

TEST_F(Launch, AMountPointMayBeRelativeOrALink) {
  const std::string around = mountpoint();
  ASSERT_EQ(mkdir((around + "/place").c_str(), 0755), 0);
  ASSERT_EQ(symlink("place", (around + "/link").c_str()), 0);
  for (const char* name : {"place", "./place/", "link", "link/."}) {
    const Finished mounted =
        run({scratchfs_binary(), name, "-o", "memory=16M,io_uring=off"}, {.directory = around});
    ASSERT_EQ(mounted.code, 0) << name << ": " << mounted.err;
    EXPECT_EQ(mounts_below(around + "/place").size(), 1U) << name;
    EXPECT_EQ(run({scratchfs_binary(), "umount", name}, {.directory = around}).code, 0) << name;
  }
  EXPECT_TRUE(mounts_below(around).empty());
}

TEST_F(Launch, OneMountMayLieOnAnother) {
  const Mount outer(MountSettings{.options = "memory=16M,lifetime=mount", .daemonize = true});
  ASSERT_TRUE(outer.alive());
  ASSERT_EQ(mkdir((outer / "d").c_str(), 0755), 0);
  Mount inner(MountSettings{.options = "memory=16M", .daemonize = true, .at = outer / "d"});
  ASSERT_TRUE(inner.alive());
  make_file((inner / "f").c_str(), "x");
  EXPECT_EQ(run({scratchfs_binary(), "umount", inner.path()}).code, 0);
  inner.expect_gone();
  EXPECT_TRUE(outer.mounted());
}

TEST_F(Launch, AUserMayNotShareWithoutPermission) {
  const std::string at = mountpoint();
  ASSERT_EQ(chown(at.c_str(), kNobody, kNobody), 0);
  if (read_text("/etc/fuse.conf").find("\nuser_allow_other") == std::string::npos) {
    expect_refused(at, {"-o", "allow_other"}, 1, "allow_other", as_user(kNobody));
  }
  const std::string roots = mountpoint();
  expect_refused(roots, {}, 1, "may not", as_user(kNobody));
}

TEST_F(Launch, HelpAndVersionGoToStandardOutput) {
  for (const char* flag : {"--help", "--help-all", "--version"}) {
    const Finished finished = run({scratchfs_binary(), flag});
    EXPECT_EQ(finished.code, 0);
    EXPECT_NE(finished.out, "");
    EXPECT_EQ(finished.err, "");
  }
}

class LaunchGood : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, LaunchGood,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(LaunchGood, TheMountAnswersWhenTheCommandReturns) {
  for (int round = 0; round < 5; ++round) {
    Mount mount(MountSettings{.options = "memory=16M", .transport = GetParam(), .daemonize = true});
    ASSERT_TRUE(mount.alive());
    // No waiting from here on.
    EXPECT_EQ(mode_of(mount.path()), 01777U);
    make_file((mount / "f").c_str(), "x");
    const bool io_uring = status_of(mount)["transport"]["io_uring"];
    EXPECT_EQ(io_uring, GetParam() == Transport::io_uring);
  }
}

TEST_P(LaunchGood, TheDaemonHoldsNothingOfItsCallers) {
  Mount mount(MountSettings{.options = "memory=16M", .transport = GetParam(), .daemonize = true});
  ASSERT_TRUE(mount.alive());
  const std::string proc = "/proc/" + std::to_string(mount.daemon());
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/cwd"), "/");
  for (const char* fd : {"0", "1", "2"}) {
    EXPECT_EQ(std::filesystem::read_symlink(proc + "/fd/" + fd), "/dev/null") << fd;
  }
}

TEST_P(LaunchGood, APipeEndsWithTheCommand) {
  const std::string at = make_directory("launch");
  const std::string io = GetParam() == Transport::io_uring ? "on" : "off";
  const Finished finished =
      shell("timeout 20 '" + scratchfs_binary() + "' '" + at + "' -o memory=16M,io_uring=" + io +
            " 2>&1 | cat; echo \"${PIPESTATUS[0]}\"");
  EXPECT_EQ(finished.out, "0\n");
  EXPECT_EQ(run({scratchfs_binary(), "umount", at}).code, 0);
}

TEST_P(LaunchGood, AUserMountsAndUnmountsWithFusermount) {
  Mount mount(MountSettings{.options = "memory=16M",
                            .transport = GetParam(),
                            .daemonize = true,
                            .who = as_user(kNobody)});
  ASSERT_TRUE(mount.alive());
  check_in_child(as_user(kNobody), [&] {
    EXPECT_EQ(mode_of(mount.path()), 0700U);
    make_file((mount / "f").c_str(), "mine");
    EXPECT_EQ(mkdir((mount / "d").c_str(), 0700), 0);
    EXPECT_TRUE(exists(mount / "d"));
    EXPECT_FALSE(exists(mount / "f")) << "it is loose";
  });
  check_in_child(as_user(kAlice), [&] { EXPECT_EQ(why_not(mount / "d"), "EACCES"); });
  EXPECT_EQ(run({"fusermount3", "-u", mount.path()}, {.who = as_user(kNobody)}).code, 0);
  mount.expect_gone();
}

TEST_P(LaunchGood, AUserUnmountsWithTheCommand) {
  Mount mount(MountSettings{.options = "memory=16M",
                            .transport = GetParam(),
                            .daemonize = true,
                            .who = as_user(kNobody)});
  ASSERT_TRUE(mount.alive());
  const Finished finished =
      run({scratchfs_binary(), "umount", mount.path()}, {.who = as_user(kNobody)});
  EXPECT_EQ(finished.code, 0) << finished.err;
  mount.expect_gone();
}

TEST_P(LaunchGood, AKilledUserDaemonLeavesNoMount) {
  Mount mount(MountSettings{.options = "memory=16M",
                            .transport = GetParam(),
                            .daemonize = true,
                            .who = as_user(kNobody)});
  ASSERT_TRUE(mount.alive());
  kill(mount.daemon(), SIGKILL);
  mount.expect_gone();
}

TEST_P(LaunchGood, NosuidAndNodevHoldWhateverIsAsked) {
  // With rw first, as from mount(8), nothing is said about suid and dev.
  const Mount mount(
      MountSettings{.options = "rw,memory=16M,suid,dev,lifetime=mount,create_mode=posix",
                    .transport = GetParam(),
                    .daemonize = true});
  const auto mounts = mounts_below(mount.path());
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_NE(mounts[0].options.find("nosuid"), std::string::npos) << mounts[0].options;
  EXPECT_NE(mounts[0].options.find("nodev"), std::string::npos) << mounts[0].options;
  EXPECT_NE(mounts[0].options.find("default_permissions"), std::string::npos) << mounts[0].options;
  EXPECT_EQ(run({"cp", "/usr/bin/id", mount / "id"}).code, 0);
  EXPECT_EQ(chmod((mount / "id").c_str(), 04755), 0);
  EXPECT_EQ(run({mount / "id", "-u"}, {.who = as_user(kAlice)}).out, std::to_string(kAlice) + "\n");
}

TEST_P(LaunchGood, SourceAndFlagsAreShown) {
  const std::string at = make_directory("launch");
  const std::string io = GetParam() == Transport::io_uring ? "on" : "off";
  ASSERT_EQ(run({scratchfs_binary(), "work", at, "-o", "memory=16M,noexec,io_uring=" + io}).code,
            0);
  const auto mounts = mounts_below(at);
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].source, "work");
  EXPECT_EQ(mounts[0].type, "fuse.scratchfs");
  EXPECT_NE(mounts[0].options.find("noexec"), std::string::npos);
  EXPECT_EQ(run({scratchfs_binary(), "umount", at}).code, 0);
}

TEST_P(LaunchGood, MountEightFindsIt) {
  const std::string at = make_directory("launch");
  const std::string io = GetParam() == Transport::io_uring ? "on" : "off";
  // As from an fstab line with a program that is not on PATH.
  const Finished finished = run(
      {"mount", "-t", "fuse", scratchfs_binary() + "#work", at, "-o", "memory=16M,io_uring=" + io});
  EXPECT_EQ(finished.code, 0) << finished.err;
  const auto mounts = mounts_below(at);
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_NE(mounts[0].options.find("nosuid"), std::string::npos) << "mount.fuse passes suid along";
  EXPECT_EQ(run({"umount", at}).code, 0);
  EXPECT_TRUE(eventually([&] { return processes_naming(at).empty(); }, 5));
}

TEST_P(LaunchGood, APathWithASpaceAndAComma) {
  const std::string at = make_directory("launch") + "/a b,c";
  ASSERT_EQ(mkdir(at.c_str(), 0755), 0);
  const Mount mount(
      MountSettings{.options = "memory=16M", .transport = GetParam(), .daemonize = true, .at = at});
  ASSERT_TRUE(mount.alive());
  make_file((mount / "f").c_str(), "x");
  EXPECT_EQ(status_of(mount)["mountpoint"], at);
}

}  // namespace
}  // namespace scratchfs::harness
