#include "fs/mounts/mount_point.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>

namespace scratchfs::mounts {
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
  static base::Descriptor open(const std::string& path) {
    return base::Descriptor(::open(path.c_str(), O_PATH | O_CLOEXEC));
  }

  std::filesystem::path root_;
};

TEST_F(MountPointTest, WhatIsOpenIsFoundWhereverItIsMoved) {
  const base::Descriptor place = open(root_ / "here");
  EXPECT_EQ(*whereabouts(place), root_ / "here");
  std::filesystem::rename(root_ / "here", root_ / "there");
  std::filesystem::create_directory(root_ / "here");
  EXPECT_EQ(*whereabouts(place), root_ / "there");
  EXPECT_TRUE(std::filesystem::equivalent(path_through(place), root_ / "there"));
}

TEST_F(MountPointTest, TheMountThatItLiesOnHasTheKernelsNumber) {
  const base::Descriptor place = open(root_ / "here");
  struct statx facts {};
  ASSERT_EQ(::statx(AT_FDCWD, (root_ / "here").c_str(), 0, STATX_MNT_ID, &facts), 0);
  const auto number = mount_id(place);
  ASSERT_TRUE(number);
  EXPECT_EQ(number->number, static_cast<int>(facts.stx_mnt_id));
  const auto other = mount_id(open("/proc"));
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->can_be(*number));
  EXPECT_FALSE(mount_id(base::Descriptor(-1)));
}

// As statx(2) tells it from Linux 6.8 on; before, ids are all there is.
TEST_F(MountPointTest, AMountThatGotTheNumberOfAnotherIsTold) {
  const MountId now = *mount_id(open("/proc"));
  if (now.unique == 0) GTEST_SKIP() << "this kernel has no unique numbers of mounts";
  EXPECT_TRUE(open_mount("/proc", now));
  EXPECT_TRUE(open_mount("/proc", {.number = now.number})) << "known by its id alone";
  const MountId gone{.number = now.number, .unique = now.unique + 1};
  EXPECT_TRUE(unmount_at("/proc", gone, 0).is(base::Errno{ESTALE}));
  EXPECT_FALSE(open_mount("/proc", gone));
}

TEST_F(MountPointTest, WhatIsNotThatMountIsNotUnmounted) {
  const MountId number = *mount_id(open("/proc"));
  EXPECT_TRUE(unmount_at(root_ / "here", number, 0).is(base::Errno{ESTALE}));
  EXPECT_TRUE(
      unmount_at("/proc", {.number = number.number + 1'000'000}, 0).is(base::Errno{ESTALE}));
  EXPECT_TRUE(unmount_at(root_ / "missing", number, 0).is(base::Errno{ENOENT}));
  EXPECT_TRUE(unmount_at("/", number, 0).is(base::Errno{EINVAL}));
  EXPECT_TRUE(mount_id(open("/proc")).has_value());
}

class ResolveMountpoint : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "mount-table-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = std::filesystem::canonical(name);
    std::filesystem::create_directories(root_ / "a" / "b");
    std::filesystem::create_symlink("a", root_ / "relative");
    std::filesystem::create_symlink(root_ / "a" / "b", root_ / "absolute");
    std::filesystem::create_symlink("loop", root_ / "loop");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string resolved(const std::string& path) const {
    const auto result = resolve_mountpoint(root_ / path);
    return result ? std::filesystem::path(*result).lexically_relative(root_) : "an error";
  }

  std::filesystem::path root_;
};

TEST_F(ResolveMountpoint, FollowsLinksAnywhereInThePath) {
  EXPECT_EQ(resolved("a/b"), "a/b");
  EXPECT_EQ(resolved("a/b///"), "a/b");
  EXPECT_EQ(resolved("relative"), "a");
  EXPECT_EQ(resolved("relative/b"), "a/b");
  EXPECT_EQ(resolved("absolute"), "a/b");
  EXPECT_EQ(resolved("a/b/.."), "a");
  EXPECT_EQ(resolved("a/."), "a");
}

TEST_F(ResolveMountpoint, LetsTheLastComponentBeMissingButNoOther) {
  EXPECT_EQ(resolved("a/missing"), "a/missing");
  EXPECT_TRUE(resolve_mountpoint(root_ / "missing" / "b").is(base::Errno(ENOENT)));
  EXPECT_TRUE(resolve_mountpoint("").is(base::Errno(ENOENT)));
}

TEST_F(ResolveMountpoint, GivesUpOnALoop) {
  EXPECT_TRUE(resolve_mountpoint(root_ / "loop").is(base::Errno(ELOOP)));
}

TEST(ResolveRoot, IsItself) { EXPECT_EQ(*resolve_mountpoint("/"), "/"); }

}  // namespace
}  // namespace scratchfs::mounts
