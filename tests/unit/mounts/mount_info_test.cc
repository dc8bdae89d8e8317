#include "fs/mounts/mount_info.h"

#include <gtest/gtest.h>

namespace scratchfs::base {
namespace {

TEST(MountInfo, IsReadWhereItCanBe) {
  EXPECT_FALSE(parse_mount_info(read_mount_info()).empty());
  EXPECT_EQ(read_mount_info("/proc/self/no such file"), "");
  EXPECT_EQ(read_mount_info("/proc/self"), "") << "a directory is open, but cannot be read";
}

TEST(MountInfo, HasAllFieldsOfEachLine) {
  const auto lines = parse_mount_info(
      "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
      "41 22 0:36 /sub /mnt rw shared:3 master:1 - fuse.scratchfs s rw,user_id=1000\n"
      "42 22 0:37 / /empty rw - tmpfs  rw\n");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].id, 22);
  EXPECT_EQ(lines[0].options, "rw");
  EXPECT_EQ(lines[1].device, "0:36");
  EXPECT_EQ(lines[1].root, "/sub");
  EXPECT_EQ(lines[1].path, "/mnt");
  EXPECT_EQ(lines[1].type, "fuse.scratchfs");
  EXPECT_EQ(lines[1].source, "s");
  EXPECT_EQ(lines[1].options, "rw,user_id=1000");
  EXPECT_EQ(lines[2].source, "");
  EXPECT_EQ(lines[2].options, "rw");
}

TEST(MountInfo, UndoesTheKernelsEscapes) {
  const auto lines = parse_mount_info(
      "41 22 0:36 /a\\040root /with\\040a\\040space\\134 rw - tmpfs a\\040source rw\n");
  EXPECT_EQ(lines.at(0).root, "/a root");
  EXPECT_EQ(lines.at(0).path, "/with a space\\");
  EXPECT_EQ(lines.at(0).source, "a source");
  EXPECT_EQ(unescape("\\04"), "\\04");
  EXPECT_EQ(unescape("\\0408"), " 8");
  EXPECT_EQ(unescape("\\480"), "\\480");
}

TEST(MountInfo, LeavesOutWhatIsNoLine) {
  EXPECT_TRUE(parse_mount_info("").empty());
  EXPECT_TRUE(parse_mount_info("garbage\n\n1 2 3\nx 1 0:1 / /a rw - t s rw\n").empty());
}

}  // namespace
}  // namespace scratchfs::base
