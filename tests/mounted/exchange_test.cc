// Mountpoints in another user's directory, who replaces them while root mounts and unmounts.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
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
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

// Alice owns hers/. She tries to make root mount on, or unmount, roots/scratch.
class Exchange : public testing::Test {
 protected:
  void SetUp() override {
    ensure_environment();
    at_ = make_directory("exchange");
    for (const char* name :
         {"/hers", "/hers/place", "/hers/a", "/hers/a/scratch", "/roots", "/roots/scratch"}) {
      ASSERT_EQ(mkdir((at_ + name).c_str(), 0755), 0) << name;
    }
    for (const char* name : {"/hers", "/hers/place", "/hers/a"}) {
      ASSERT_EQ(chown((at_ + name).c_str(), kAlice, kAlice), 0) << name;
    }
    ASSERT_EQ(symlink((at_ + "/roots").c_str(), (at_ + "/hers/b").c_str()), 0);
  }
  void TearDown() override { umount2(roots().c_str(), MNT_DETACH); }
  std::string hers(const std::string& name) const { return at_ + "/hers/" + name; }
  std::string roots() const { return at_ + "/roots/scratch"; }

  // Mounts a tmpfs of root's at roots/scratch.
  void mount_roots() const { ASSERT_EQ(mount("roots", roots().c_str(), "tmpfs", 0, "size=1M"), 0); }
  void expect_roots_mount() const {
    EXPECT_EQ(mounts_below(roots()).size(), 1U) << "root's own mount was unmounted";
  }

  // Exchanges hers/a with a link to roots/ as fast as possible, back and forth, until stop().
  Child alice_exchanging() const {
    return Child(as_user(kAlice), [&](Channel& channel) {
      for (int round = 0; !exists(hers("stop")); ++round) {
        for (int i = 0; i < 2; ++i) {  // twice, so that everything is back in place at the end
          ASSERT_EQ(
              renameat2(AT_FDCWD, hers("a").c_str(), AT_FDCWD, hers("b").c_str(), RENAME_EXCHANGE),
              0);
        }
        if (round == 100) channel.send("exchanges");
      }
    });
  }
  void stop(Child& alice) const {
    make_file(hers("stop").c_str(), "");
    EXPECT_EQ(alice.join(), 0);
    EXPECT_EQ(unlink(hers("stop").c_str()), 0);
  }
  bool is_mounted() const {
    for (const MountEntry& mount : mounts_below(at_)) {
      if (mount.type == "fuse.scratchfs") return true;
    }
    return false;
  }

  std::string at_;
};

TEST_F(Exchange, RootMountsOnWhatItHasLookedAtOrNotAtAll) {
  Child alice(as_user(kAlice), [&](Channel& channel) {
    const Fd watch(inotify_init1(IN_CLOEXEC));
    // Root's check that the directory is empty is the last one before mounting.
    ASSERT_GE(inotify_add_watch(watch.get(), hers("place").c_str(), IN_CLOSE_NOWRITE), 0);
    channel.send("watches");
    std::array<char, 4096> event{};
    EXPECT_GT(read(watch.get(), event.data(), event.size()), 0);
    rename(hers("place").c_str(), hers("moved").c_str());  // too late once it is mounted on
    static_cast<void>(symlink(roots().c_str(), hers("place").c_str()));
  });
  alice.receive();
  const Finished mounted =
      run({scratchfs_binary(), hers("place"), "-o", "memory=16M,spill=0,io_uring=off"});
  EXPECT_EQ(alice.join(), 0);
  EXPECT_TRUE(mounts_below(roots()).empty()) << "root mounted where Alice wanted";
  if (mounted.code == 0) {
    EXPECT_EQ(run({scratchfs_binary(), "umount", hers("place")}).code, 0);
  } else {
    EXPECT_NE(mounted.err.find("put it elsewhere"), std::string::npos) << mounted.err;
  }
  EXPECT_TRUE(eventually([&] { return !is_mounted(); }, 10));
  EXPECT_TRUE(eventually([&] { return processes_naming(at_).empty(); }, 10));
}

enum class End { daemon, guardian, command };
constexpr const char* kEndNames[] = {"daemon", "guardian", "command"};
class ExchangeAtTheEnd : public Exchange, public testing::WithParamInterface<End> {};
INSTANTIATE_TEST_SUITE_P(By, ExchangeAtTheEnd,
                         testing::Values(End::daemon, End::guardian, End::command),
                         [](const auto& test) {
                           return std::string(kEndNames[static_cast<int>(test.param)]);
                         });

// A mount moves with the directories above it, so that its path has changed by then.
TEST_P(ExchangeAtTheEnd, AMountIsFoundWhereItWasMovedTo) {
  Mount mount({.options = "memory=16M,spill=0", .at = hers("a/scratch")});
  ASSERT_TRUE(mount.alive());
  ASSERT_EQ(rename(hers("a").c_str(), hers("moved").c_str()), 0);
  ASSERT_EQ(rename(hers("b").c_str(), hers("a").c_str()), 0);
  mount_roots();
  switch (GetParam()) {
    case End::daemon:
      EXPECT_EQ(kill(mount.daemon(), SIGTERM), 0);
      break;
    case End::guardian:
      mount.tolerate_exit_code(128 + SIGKILL);
      EXPECT_EQ(kill(mount.daemon(), SIGKILL), 0);
      break;
    case End::command:
      EXPECT_EQ(run({scratchfs_binary(), "umount", hers("moved/scratch")}).code, 0);
      break;
  }
  mount.expect_gone();
  EXPECT_TRUE(eventually([&] { return !is_mounted(); }, 10));
  expect_roots_mount();
}

TEST_P(ExchangeAtTheEnd, RootUnmountsItsOwnMountAlone) {
  mount_roots();
  for (int round = 0; round < 5; ++round) {
    Mount mount({.options = "memory=16M,spill=0", .at = hers("a/scratch")});
    ASSERT_TRUE(mount.alive());
    if (GetParam() == End::guardian) mount.tolerate_exit_code(128 + SIGKILL);
    Child alice = alice_exchanging();
    alice.receive();
    if (GetParam() != End::command) {
      kill(mount.daemon(), GetParam() == End::daemon ? SIGTERM : SIGKILL);
    }
    // The command may find Alice's link first, with no scratchfs behind it.
    EXPECT_TRUE(eventually(
        [&] {
          if (GetParam() == End::command) run({scratchfs_binary(), "umount", hers("a/scratch")});
          return !is_mounted();
        },
        20));
    stop(alice);
    mount.expect_gone();
  }
  expect_roots_mount();
}

}  // namespace
}  // namespace scratchfs::harness
