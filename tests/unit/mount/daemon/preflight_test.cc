#include "mount/daemon/preflight.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "fs/mounts/mount_point.h"
#include "tests/unit/mount/says.h"

namespace scratchfs::mount {
namespace {

class Preflight : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "preflight-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = std::filesystem::canonical(name);
    std::filesystem::create_directory(place());
    host_.mount_table = root_ / "mountinfo";
    host_.fuse_configuration = root_ / "fuse.conf";
    host_.fuse_device = root_ / "fuse";
    table("");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string place() const { return root_ / "place"; }
  void table(const std::string& lines) const { std::ofstream(host_.mount_table) << lines; }
  void mounted_at(const std::string& path, const std::string& type) const {
    table("50 1 0:99 / " + path + " rw - " + type + " source rw\n");
  }
  Outcome<Mountpoint> check(const std::string& path, bool nonempty = false) const {
    auto place = open_mountpoint(path);
    if (!place) return place.error();
    return check_mountpoint(path, std::move(*place), nonempty, host_);
  }
  std::string mountpoint_refused(const std::string& path, bool nonempty = false) const {
    const auto checked = check(path, nonempty);
    if (checked) ADD_FAILURE() << path << " was accepted";
    return checked ? "" : checked.error().message;
  }

  std::filesystem::path root_;
  HostFiles host_;
};

TEST_F(Preflight, AnEmptyDirectoryWillDoAndIsNamedInFull) {
  std::filesystem::create_symlink("place", root_ / "link");
  const auto checked = check(root_ / "link");
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->path, place());
  EXPECT_TRUE(checked->lock.is_held());
  EXPECT_EQ(*mounts::whereabouts(checked->directory), place());
}

TEST_F(Preflight, WhatWasOpenedIsCheckedWhereverItIsByNow) {
  auto opened = open_mountpoint(place());
  ASSERT_TRUE(opened);
  std::filesystem::rename(place(), root_ / "moved");
  std::filesystem::create_directory(place());
  std::ofstream(place() + "/file") << "not empty";
  const auto checked = check_mountpoint(place(), std::move(*opened), false, host_);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->path, root_ / "moved");
}

TEST_F(Preflight, AMissingMountPointOrAFileWillNotDo) {
  EXPECT_TRUE(says(mountpoint_refused(root_ / "missing"), "mkdir"));
  std::ofstream(root_ / "file") << "x";
  EXPECT_TRUE(says(mountpoint_refused(root_ / "file"), "not a directory"));
}

TEST_F(Preflight, WhatIsInAMountPointIsHiddenOnlyIfSaidSo) {
  std::ofstream(place() + "/.hidden") << "x";
  EXPECT_TRUE(says(mountpoint_refused(place()), "not empty"));
  EXPECT_TRUE(check(place(), true));
}

TEST_F(Preflight, AScratchfsThereIsRefusedWhateverIsSaid) {
  mounted_at(place(), "fuse.scratchfs");
  EXPECT_TRUE(says(mountpoint_refused(place()), "already a scratchfs"));
  EXPECT_TRUE(says(mountpoint_refused(place(), true), "already a scratchfs"));
}

TEST_F(Preflight, AnotherMountThereIsBusyUnlessSaidSoOrAnAutomounters) {
  mounted_at(place(), "tmpfs");
  EXPECT_TRUE(says(mountpoint_refused(place()), "busy: a tmpfs"));
  EXPECT_TRUE(check(place(), true));
  mounted_at(place(), "autofs");
  const auto automount = check(place());
  ASSERT_TRUE(automount);
  EXPECT_FALSE(automount->lock.is_held()) << "opening it would wait for the mount itself";
}

TEST_F(Preflight, AKernelWithoutFuseIsToldWhatToDo) {
  const auto missing = check_fuse(host_);
  ASSERT_FALSE(missing);
  EXPECT_TRUE(says(missing.error().message, "modprobe fuse"));
}

TEST_F(Preflight, ADeviceThatOpensWillDo) {
  std::ofstream(host_.fuse_device) << "";
  EXPECT_TRUE(check_fuse(host_));
}

TEST_F(Preflight, AUserWhoMayNotOpenTheDeviceIsToldWhomToAsk) {
  constexpr uid_t kNobody = 65534;
  std::ofstream(host_.fuse_device) << "";
  ASSERT_EQ(::chmod(host_.fuse_device.c_str(), 0), 0);
  const uid_t before = ::geteuid();
  if (before == 0) {
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const auto refused = check_fuse(host_);
  if (before == 0) {
    ASSERT_EQ(::seteuid(before), 0);
  }
  ASSERT_FALSE(refused);
  EXPECT_TRUE(says(refused.error().message, "chmod 666"));
}

TEST_F(Preflight, OnlyRootSharesUnlessTheConfigurationAllowsIt) {
  EXPECT_TRUE(check_sharing(true, 0, host_));
  EXPECT_TRUE(check_sharing(false, 1000, host_));
  EXPECT_FALSE(check_sharing(true, 1000, host_));
  std::ofstream(host_.fuse_configuration) << "#user_allow_other\nmount_max = 5\n";
  EXPECT_FALSE(check_sharing(true, 1000, host_));
  std::ofstream(host_.fuse_configuration) << "mount_max = 5\n  user_allow_other  \n";
  EXPECT_TRUE(check_sharing(true, 1000, host_));
}

TEST_F(Preflight, ASpillDirectoryIsOpenedAndNamedInFull) {
  std::filesystem::create_symlink("place", root_ / "link");
  const auto spill = open_spill_directory(root_ / "link", host_);
  ASSERT_TRUE(spill) << spill.error().message;
  EXPECT_NE(spill->directory, nullptr);
  EXPECT_EQ(spill->path, place());
  EXPECT_GT(spill->free, 0U);
}

TEST_F(Preflight, ASpillDirectoryThatIsMissingOrAFileIsRefused) {
  const auto missing = open_spill_directory(root_ / "missing", host_);
  ASSERT_FALSE(missing);
  EXPECT_TRUE(says(missing.error().message, "No such file or directory; name another"));
  std::ofstream(root_ / "file") << "x";
  const auto file = open_spill_directory(root_ / "file", host_);
  ASSERT_FALSE(file);
  EXPECT_TRUE(says(file.error().message, "Not a directory"));
}

TEST_F(Preflight, ASpillDirectoryOnAScratchfsIsRefused) {
  struct stat status {};
  ASSERT_EQ(::stat(place().c_str(), &status), 0);
  table("50 1 " + std::to_string(gnu_dev_major(status.st_dev)) + ":" +
        std::to_string(gnu_dev_minor(status.st_dev)) + " / /s rw - fuse.scratchfs s rw\n");
  const auto spill = open_spill_directory(place(), host_);
  ASSERT_FALSE(spill);
  EXPECT_TRUE(says(spill.error().message, "lies on a scratchfs"));
}

TEST_F(Preflight, ASpillDirectoryInMemoryIsWarnedOf) {
  if (::access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no /dev/shm to look at";
  const auto spill = open_spill_directory("/dev/shm");
  ASSERT_TRUE(spill) << spill.error().message;
  ASSERT_EQ(spill->warnings.size(), 1U);
  EXPECT_TRUE(says(spill->warnings[0], "lies in memory"));
}

}  // namespace
}  // namespace scratchfs::mount
