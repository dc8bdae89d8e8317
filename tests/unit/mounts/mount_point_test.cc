#include "fs/mounts/mount_point.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>

namespace scratchfs::base {
namespace {

class MountPointTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "mount-point-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = std::filesystem::canonical(name);
    std::filesystem::create_directory(root_ / "here");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  static Descriptor open(const std::string& path) {
    return Descriptor(::open(path.c_str(), O_PATH | O_CLOEXEC));
  }

  std::filesystem::path root_;
};

TEST_F(MountPointTest, WhatIsOpenIsFoundWhereverItIsMoved) {
  const Descriptor place = open(root_ / "here");
  EXPECT_EQ(*whereabouts(place), root_ / "here");
  std::filesystem::rename(root_ / "here", root_ / "there");
  std::filesystem::create_directory(root_ / "here");
  EXPECT_EQ(*whereabouts(place), root_ / "there");
  EXPECT_TRUE(std::filesystem::equivalent(path_through(place), root_ / "there"));
}

TEST_F(MountPointTest, TheMountThatItLiesOnHasTheKernelsNumber) {
  const Descriptor place = open(root_ / "here");
  struct statx facts {};
  ASSERT_EQ(::statx(AT_FDCWD, (root_ / "here").c_str(), 0, STATX_MNT_ID, &facts), 0);
  const auto number = mount_number(place);
  ASSERT_TRUE(number);
  EXPECT_EQ(number->id, static_cast<int>(facts.stx_mnt_id));
  const auto other = mount_number(open("/proc"));
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->can_be(*number));
  EXPECT_FALSE(mount_number(Descriptor(-1)));
}

// As statx(2) tells it from Linux 6.8 on; before, ids are all there is.
TEST_F(MountPointTest, AMountThatGotTheNumberOfAnotherIsTold) {
  const MountNumber now = *mount_number(open("/proc"));
  if (now.unique == 0) GTEST_SKIP() << "this kernel has no unique numbers of mounts";
  EXPECT_TRUE(open_mount("/proc", now));
  EXPECT_TRUE(open_mount("/proc", {.id = now.id})) << "known by its id alone";
  const MountNumber gone{.id = now.id, .unique = now.unique + 1};
  EXPECT_TRUE(unmount("/proc", gone, 0).is(Errno{ESTALE}));
  EXPECT_FALSE(open_mount("/proc", gone));
}

TEST_F(MountPointTest, WhatIsNotThatMountIsNotUnmounted) {
  const MountNumber number = *mount_number(open("/proc"));
  EXPECT_TRUE(unmount(root_ / "here", number, 0).is(Errno{ESTALE}));
  EXPECT_TRUE(unmount("/proc", {.id = number.id + 1'000'000}, 0).is(Errno{ESTALE}));
  EXPECT_TRUE(unmount(root_ / "missing", number, 0).is(Errno{ENOENT}));
  EXPECT_TRUE(unmount("/", number, 0).is(Errno{EINVAL}));
  EXPECT_TRUE(mount_number(open("/proc")).has_value());
}

}  // namespace
}  // namespace scratchfs::base
