#include "fs/mounts/mount_table.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace scratchfs::mount {
namespace {

constexpr std::string_view kTable =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "40 22 0:35 / /scratch rw,nosuid,nodev - fuse.scratchfs scratchfs rw,user_id=1000,group_id=0\n"
    "41 22 0:36 / /other rw shared:3 master:1 - tmpfs other rw\n"
    "42 40 0:37 / /scratch rw - tmpfs over rw\n";

TEST(MountTable, ReadsEveryFieldThatIsUsed) {
  const MountTable table = parse_mount_table(kTable);
  ASSERT_EQ(table.size(), 4U);
  EXPECT_EQ(table[1].id, 40);
  EXPECT_EQ(table[1].device, "0:35");
  EXPECT_EQ(table[1].mountpoint, "/scratch");
  EXPECT_EQ(table[1].type, kFileSystemType);
  EXPECT_EQ(table[1].source, "scratchfs");
  EXPECT_EQ(table[1].owner, 1000U);
  EXPECT_FALSE(table[0].owner);
}

TEST(MountTable, TheLastMountAtAPlaceIsTheOneThatIsSeen) {
  const MountTable table = parse_mount_table(kTable);
  EXPECT_EQ(topmost_at(table, "/scratch"), &table[3]);
  EXPECT_EQ(topmost_at(table, "/"), &table[0]);
  EXPECT_EQ(topmost_at(table, "/nowhere"), nullptr);
}

TEST(MountTable, ReadsTheKernelsOwn) {
  const MountTable table = read_mount_table();
  EXPECT_NE(topmost_at(table, "/proc"), nullptr);
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

TEST(MountTable, TellsDevicesAsStatDoes) {
  EXPECT_EQ(parse_device("0:45"), gnu_dev_makedev(0, 45));
  EXPECT_EQ(parse_device("259:3"), gnu_dev_makedev(259, 3));
  for (const char* text : {"", "0", "0:", ":1", "a:b", "0:1x"}) EXPECT_FALSE(parse_device(text));
}

}  // namespace
}  // namespace scratchfs::mount
