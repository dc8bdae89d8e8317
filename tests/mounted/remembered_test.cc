// Inodes that are deleted but still referenced by the kernel, through a descriptor, a working
// directory or a dentry that nobody has invalidated, stay charged for as long as they take memory,
// and no longer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

constexpr std::uint64_t kInodes = 100;  // Alice's limit

class RememberedWhenGone : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"lifetime=mount,memory=64M,user_quota=" + std::to_string(kAlice) +
                   ":1M:" + std::to_string(kInodes),
               GetParam()};
  std::string at(const std::string& name) const { return mount_ / name; }
  // Expects that Alice can hold as many deleted inodes as her limit allows, that the next one fails
  // with EDQUOT, and that nobody else runs short meanwhile. `make_one` creates, opens and deletes
  // one, and returns the descriptor, or -1 with errno.
  void expect_charged_while_held(const std::function<int()>& make_one) const {
    Child alice(as_user(kAlice), [&](Channel& channel) {
      std::vector<Fd> held;
      while (held.size() < 2 * kInodes) {
        held.emplace_back(make_one());
        if (!held.back().valid()) break;
      }
      EXPECT_EQ(errno_name(errno), "EDQUOT");
      EXPECT_EQ(held.size(), kInodes + 1);
      struct statvfs info {};
      EXPECT_EQ(statvfs(mount_.path().c_str(), &info), 0);
      EXPECT_EQ(info.f_ffree, 0U);
      channel.send("full");
      channel.receive();
    });
    EXPECT_EQ(alice.receive(), "full");
    EXPECT_EQ(charged_to(mount_, kAlice).inodes, kInodes);
    check_in_child(as_user(kBob), [&] { EXPECT_EQ(outcome(mkdir(at("bob").c_str(), 0700)), "0"); });
    alice.send("end");
    alice.join();
    EXPECT_TRUE(eventually([&] { return charged_to(mount_, kAlice).inodes == 0; }, 5))
        << charged_to(mount_, kAlice).inodes;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, RememberedWhenGone,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(RememberedWhenGone, AFileIsChargedWhileAPathDescriptorRefersToIt) {
  expect_charged_while_held([&] {
    const std::string path = at("f");
    if (!Fd(open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600)).valid()) return -1;
    const int held = open(path.c_str(), O_PATH | O_CLOEXEC);
    EXPECT_EQ(unlink(path.c_str()), 0);
    return held;
  });
}

TEST_P(RememberedWhenGone, ADirectoryIsChargedWhileADescriptorRefersToIt) {
  expect_charged_while_held([&] {
    const std::string path = at("d");
    if (mkdir(path.c_str(), 0700) != 0) return -1;
    const int held = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    EXPECT_EQ(rmdir(path.c_str()), 0);
    return held;
  });
}

TEST_P(RememberedWhenGone, ADirectoryIsChargedWhileAProcessWorksInIt) {
  Child alice(as_user(kAlice), [&](Channel& channel) {
    EXPECT_EQ(mkdir(at("d").c_str(), 0700), 0);
    EXPECT_EQ(chdir(at("d").c_str()), 0);
    EXPECT_EQ(rmdir(at("d").c_str()), 0);
    channel.send("there");
    channel.receive();
  });
  EXPECT_EQ(alice.receive(), "there");
  EXPECT_EQ(charged_to(mount_, kAlice).inodes, 1U);
  alice.send("end");
  alice.join();
  EXPECT_TRUE(eventually([&] { return charged_to(mount_, kAlice).inodes == 0; }, 5));
}

// Alice has a limit of one inode and creates it again and again.
void expect_always_made(const std::string& lifetime, Transport transport,
                        const std::function<long(const std::string& name, int round)>& make_one) {
  constexpr int kRounds = 1000;
  const Mount mount(
      "lifetime=" + lifetime + ",memory=64M,user_quota=" + std::to_string(kAlice) + ":1M:1",
      transport);
  check_in_child(as_user(kAlice), [&] {
    int made = 0;
    for (int round = 0; round < kRounds; ++round) {
      const long result = make_one(mount / "one", round);
      ASSERT_EQ(outcome(result), "0") << "after " << made;
      ++made;
    }
  });
}

class AtTheLimit : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, AtTheLimit,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(AtTheLimit, AFileCanBeMadeAndRemovedAgainAndAgain) {
  expect_always_made("mount", GetParam(), [](const std::string& name, int) -> long {
    Fd file(open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    if (!file.valid()) return -1;
    file.close();
    return unlink(name.c_str());
  });
}

TEST_P(AtTheLimit, AnUnlinkedOpenFileCanBeMadeAndClosedAgainAndAgain) {
  expect_always_made("mount", GetParam(), [](const std::string& name, int) -> long {
    const Fd file(open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    return file.valid() ? unlink(name.c_str()) : -1;
  });
}

TEST_P(AtTheLimit, ADirectoryCanBeMadeAndRemovedAgainAndAgain) {
  expect_always_made("mount", GetParam(), [](const std::string& name, int) -> long {
    return mkdir(name.c_str(), 0700) == 0 ? rmdir(name.c_str()) : -1;
  });
}

TEST_P(AtTheLimit, ALooseFileCanBeMadeAndClosedAgainAndAgainUnderNewNames) {
  expect_always_made("claimed", GetParam(), [](const std::string& name, int round) -> long {
    const std::string path = name + std::to_string(round);
    Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    return file.valid() ? file.close() : -1;
  });
}

class AfterALargeSweep : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, AfterALargeSweep,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(AfterALargeSweep, TheMemoryIsGivenBackWithinSeconds) {
  constexpr int kFiles = 120'000;
  allow_seconds(240);
  const Mount mount("memory=512M,inodes=200000", GetParam());
  const auto memory = [&] { return std::uint64_t{status_of(mount)["memory"]["used"]}; };
  const std::uint64_t before = memory();
  Child maker = session([&] {
    for (int i = 0; i < kFiles; ++i) claim(mount / std::to_string(i));
  });
  EXPECT_GE(memory(), before + std::uint64_t{kFiles} * 1024);
  end(maker);
  EXPECT_TRUE(eventually([&] { return memory() < before + (4U << 20); }, 20))
      << (memory() >> 20) << " MiB";
  EXPECT_TRUE(eventually([&] { return status_of(mount)["files"]["inodes"] == 0; }, 20));
}

}  // namespace
}  // namespace scratchfs::harness
