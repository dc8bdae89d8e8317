// Subordinate ids: what a container's users own is charged to the holder of their ids.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

constexpr uid_t kHeld = 700'005;  // held by Alice, later by Bob

class Subuid : public testing::TestWithParam<Transport> {
 protected:
  void say(uid_t holder) const {
    std::ofstream(file_) << "no such user:5:6\n" << holder << ":700000:65536\n";
  }
  std::string at(const std::string& name) const { return mount_ / name; }
  // Writes a file as `uid`; returns how many bytes were accepted.
  std::uint64_t write(uid_t uid, const std::string& name, std::size_t bytes) const {
    return std::stoull(in_child(as_user(uid), [&] {
      const Fd file(open(at(name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
      const std::string data(bytes, 'x');
      const ssize_t put = ::write(file.get(), data.data(), data.size());
      return std::to_string(put < 0 ? 0 : put);
    }));
  }
  // Expects that the holder's account is charged with all files of `uids`.
  void expect_charged(uid_t holder, const std::vector<uid_t>& uids) const {
    Usage all;
    for (const uid_t uid : uids) {
      const Usage found = found_of(mount_, uid);
      all.bytes += found.bytes;
      all.inodes += found.inodes;
    }
    const Usage charged = charged_to(mount_, holder);
    EXPECT_EQ(charged.bytes, all.bytes) << holder;
    EXPECT_EQ(charged.inodes, all.inodes) << holder;
  }

  const std::string file_ = make_directory("ids") + "/subuid";
  const Mount mount_{
      (say(kAlice), "lifetime=mount,memory=64M,quota=1M,private_names,subuid=" + file_),
      GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, Subuid, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Subuid, AUserAndTheNumbersHeShareOneQuota) {
  EXPECT_EQ(write(kHeld, "held", kMiB / 2), kMiB / 2);
  EXPECT_EQ(write(kAlice, "own", kMiB), kMiB / 2) << "what is left";
  EXPECT_EQ(write(kHeld, "more", kMiB), 0U);
  EXPECT_EQ(write(kBob, "bobs", kMiB), kMiB) << "another's";
  expect_charged(kAlice, {kAlice, kHeld});
  check_in_child(as_user(kHeld), [&] {
    struct statfs info {};
    EXPECT_EQ(statfs(mount_.path().c_str(), &info), 0);
    EXPECT_EQ(info.f_bavail, 0U) << "df tells the same";
  });
}

TEST_P(Subuid, ChownFromOneToTheOtherNeverDriftsTheLedger) {
  EXPECT_EQ(write(kAlice, "f", kMiB), kMiB);
  EXPECT_EQ(outcome(chown(at("f").c_str(), kHeld, gid_t(-1))), "0") << "it is hers already";
  expect_charged(kAlice, {kAlice, kHeld});
  EXPECT_EQ(outcome(chown(at("f").c_str(), kBob, gid_t(-1))), "0");
  expect_charged(kAlice, {kAlice, kHeld});
  expect_charged(kBob, {kBob});
  EXPECT_EQ(outcome(chown(at("f").c_str(), kHeld, gid_t(-1))), "0");
  expect_charged(kAlice, {kAlice, kHeld});
  expect_charged(kBob, {kBob});
}

TEST_P(Subuid, AnotherHolderAfterSighupTakesAllAlong) {
  EXPECT_EQ(write(kHeld, "held", kMiB / 2), kMiB / 2);
  EXPECT_EQ(write(kBob, "bobs", kMiB), kMiB);
  const Fd unnamed = [&] {
    const Fd root(open(mount_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Fd file(openat(root.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    EXPECT_EQ(fchown(file.get(), kHeld, gid_t(-1)), 0);
    return file;
  }();
  say(kBob);
  ASSERT_EQ(kill(mount_.daemon(), SIGHUP), 0);
  EXPECT_TRUE(eventually(
      [&] {
        return charged_to(mount_, kBob).bytes == kMiB + kMiB / 2 &&
               charged_to(mount_, kAlice) == Usage{};
      },
      5));
  EXPECT_EQ(charged_to(mount_, kBob).inodes, 3U) << "the one without a name, too";
  EXPECT_EQ(write(kHeld, "more", kMiB), 0U) << "he is over his limit now";
  EXPECT_EQ(outcome(unlink(at("bobs").c_str())), "0");
  EXPECT_EQ(write(kHeld, "held", kMiB / 2), kMiB / 2) << "over what is there";
}

TEST_P(Subuid, WhatIsHeldIsOnesOwnInTheRoot) {
  write(kHeld, "held", 1);
  write(kAlice, "own", 1);
  write(kBob, "bobs", 1);
  for (const uid_t uid : {kAlice, kHeld, uid_t{700'006}}) {
    check_in_child(as_user(uid), [&] {
      EXPECT_EQ(names_in(mount_.path()), (std::vector<std::string>{"held", "own"})) << uid;
    });
  }
}

// In a mount namespace with another /etc/subuid.
TEST(SubuidOfTheMachine, ThatCannotBeReadKeepsNoMountAway) {
  constexpr const char* kScript = R"(
    mount --bind /dev/null /etc/subuid || exit 99
    "$0" -o memory=16M,spill=0 "$1" && "$0" umount "$1" || exit 98
    "$0" -o memory=16M,spill=0,subuid=/dev/null "$1")";
  const Finished finished = run(
      {"unshare", "--mount", "bash", "-c", kScript, scratchfs_binary(), make_directory("unread")});
  EXPECT_EQ(finished.code, 1);
  EXPECT_EQ(finished.err,
            "scratchfs: /etc/subuid: is no regular file; each subordinate id counts by itself\n"
            "scratchfs: -o subuid: /dev/null: is no regular file\n");
}

}  // namespace
}  // namespace scratchfs::harness
