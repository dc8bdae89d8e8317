// Changing options of a live mount: `scratchfs set`, and `mount -o remount` through mount(8)'s
// helper.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
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
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

class Set : public testing::Test {
 protected:
  const std::string directory_ = make_directory("spill");
  Mount mount_{"lifetime=mount,memory=16M,spill=256M,spill_dir=" + directory_};

  Finished set(const std::string& options, const Who& who = {}) const {
    return run({scratchfs_binary(), "set", mount_.path(), "-o", options}, {.who = who});
  }
  void expect_set(const std::string& options, const Who& who = {}) const {
    const Finished finished = set(options, who);
    EXPECT_EQ(finished.code, 0) << options << ": " << finished.err;
    EXPECT_EQ(finished.out + finished.err, "") << options;
  }
  void expect_refused(const std::string& options, int code, const std::string& says,
                      const Who& who = {}) const {
    const Finished finished = set(options, who);
    EXPECT_EQ(finished.code, code) << options;
    EXPECT_TRUE(finished.err.starts_with("scratchfs: ")) << finished.err;
    EXPECT_EQ(finished.err.find('\n'), finished.err.size() - 1) << finished.err;
    EXPECT_NE(finished.err.find(says), std::string::npos) << finished.err;
  }
  std::uint64_t memory(const char* what) const { return status_of(mount_)["memory"][what]; }

  // Runs `mount -o OPTIONS` as root would, with the helper where mount(8) looks for it. A mount
  // namespace keeps that from everybody else.
  Finished remount(const std::string& options) const {
    const std::string sbin = make_directory("sbin");
    std::filesystem::create_symlink(scratchfs_binary(), sbin + "/mount.fuse.scratchfs");
    return shell("exec unshare -m bash -c 'mount --bind " + sbin +
                 " \"$(readlink -f /sbin)\" && exec mount -o " + options + " " + mount_.path() +
                 "'");
  }
};

void fill(const std::string& path, std::uint64_t mebibytes, unsigned seed) {
  const Fd file(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  for (unsigned i = 0; i < mebibytes; ++i) {
    const std::string data = random_bytes(kMiB, seed + i);
    ASSERT_EQ(write(file.get(), data.data(), data.size()), static_cast<ssize_t>(kMiB))
        << errno_name(errno);
  }
}

void expect_filled(const std::string& path, std::uint64_t mebibytes, unsigned seed) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string data(kMiB, '\0');
  for (unsigned i = 0; i < mebibytes; ++i) {
    ASSERT_EQ(read(file.get(), data.data(), kMiB), static_cast<ssize_t>(kMiB)) << errno_name(errno);
    ASSERT_TRUE(data == random_bytes(kMiB, seed + i)) << path << ", MiB " << i;
  }
}

TEST_F(Set, MemoryShrinksInTheBackgroundAndGrowsAtOnce) {
  fill(mount_ / "before", 13, 100);
  EXPECT_EQ(status_of(mount_)["spill"]["used"], 0);
  expect_set("memory=8M");
  EXPECT_EQ(memory("budget"), 8 * kMiB);
  expect_filled(mount_ / "before", 13, 100);
  EXPECT_TRUE(eventually([&] { return memory("used") <= 8 * kMiB; }, 20)) << memory("used");
  expect_set("memory=64M");
  fill(mount_ / "after", 20, 200);
  EXPECT_GT(memory("used"), 20 * kMiB);
  expect_filled(mount_ / "before", 13, 100);
  expect_filled(mount_ / "after", 20, 200);
}

TEST_F(Set, WritersAndReadersGoOnWhileMemoryGoesUpAndDown) {
  std::vector<Child> writers;
  for (unsigned i = 0; i < 3; ++i) {
    writers.emplace_back(Who{}, [&, i](Channel&) {
      const std::string path = mount_ / ("f" + std::to_string(i));
      for (unsigned round = 0; round < 2; ++round) {
        fill(path, 5, 1000 * i + round);
        expect_filled(path, 5, 1000 * i + round);
      }
    });
  }
  for (const char* size : {"32M", "8M", "20M", "9M", "16M"})
    expect_set("memory=" + std::string(size));
  for (Child& writer : writers) EXPECT_EQ(writer.join(), 0);
}

TEST_F(Set, QuotasAndSpillChangeToo) {
  const std::string user = std::to_string(kAlice);
  expect_set("spill=64M,quota=5M,quota_inodes=50,user_quota=" + user + ":7M:70");
  EXPECT_EQ(status_of(mount_)["spill"]["limit"], 64 * kMiB);
  check_in_child(as_user(kBob), [&] { EXPECT_EQ(free_bytes(mount_.path()), 5 * kMiB); });
  check_in_child(as_user(kAlice), [&] { EXPECT_EQ(free_bytes(mount_.path()), 7 * kMiB); });
  EXPECT_EQ(memory("budget"), 16 * kMiB) << "options that are not named stay";
}

TEST_F(Set, OnlyRootAndTheOwnerMay) {
  expect_refused("memory=64M", 1, "only root", as_user(kAlice));
  EXPECT_EQ(memory("budget"), 16 * kMiB);
  const Mount own(
      MountSettings{.options = "lifetime=mount,memory=16M,spill=0", .who = as_user(kNobody)});
  const Finished finished =
      run({scratchfs_binary(), "set", own.path(), "-o", "memory=24M"}, {.who = as_user(kNobody)});
  EXPECT_EQ(finished.code, 0) << finished.err;
}

TEST_F(Set, WhatCannotBeIsToldInOneLine) {
  expect_refused("lifetime=strict", 2, "cannot be changed");
  expect_refused("lifetime=mount", 2, "cannot be changed");
  expect_refused("spill_timeout=5", 2, "cannot be changed");
  expect_refused("memory=32M,nonempty", 2, "cannot be changed");
  expect_refused("size=1G", 2, "unknown option");
  expect_refused("memory=1K", 1, "the least is");
  expect_refused("memory=100000T", 1, "only");
  expect_refused("memory=8M,spill=nothing", 2, "spill");
  EXPECT_EQ(memory("budget"), 16 * kMiB);
  const Finished nowhere = run({scratchfs_binary(), "set", directory_, "-o", "memory=1G"});
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_NE(nowhere.err.find("no scratchfs"), std::string::npos);
}

TEST(SetWithoutSpill, MemoryStaysAboveWhatIsInUse) {
  const Mount mount("lifetime=mount,memory=16M,spill=0");
  fill(mount / "f", 10, 1);
  const std::vector<std::string> words = {scratchfs_binary(), "set", mount.path(), "-o"};
  auto less = words;
  less.emplace_back("memory=9M");
  const Finished refused = run(less);
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("nothing may spill"), std::string::npos) << refused.err;
  less.back() = "memory=11M";
  EXPECT_EQ(run(less).code, 0);
  expect_filled(mount / "f", 10, 1);
}

TEST_F(Set, MountRemountsThroughTheHelper) {
  const Finished finished = remount("remount,memory=48M");
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.out + finished.err, "");
  EXPECT_EQ(memory("budget"), 48 * kMiB);
  // With nothing to change, and with everything else that an fstab line may contain.
  EXPECT_EQ(remount("remount,rw").code, 0);
  EXPECT_EQ(remount("remount,lifetime=mount,nofail,quota=3M,x-y=z,spill_dir=" + directory_).code,
            0);
  EXPECT_EQ(memory("budget"), 48 * kMiB);
  EXPECT_EQ(remount("remount,spill_timeout=30").code, 0);
  EXPECT_NE(remount("remount,spill_timeout=5").code, 0);
  const Finished refused = remount("remount,create_mode=posix");
  EXPECT_NE(refused.code, 0);
  EXPECT_NE(refused.err.find("scratchfs: -o create_mode=posix: cannot be changed"),
            std::string::npos)
      << refused.err;
}

}  // namespace
}  // namespace scratchfs::harness
