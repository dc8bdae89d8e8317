#include "fs/mounts/mount.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <string>

namespace scratchfs::mounts {
namespace {

constexpr std::string_view kTable =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "40 22 0:35 / /scratch rw,nosuid,nodev - fuse.scratchfs scratchfs rw,user_id=1000,group_id=0\n"
    "41 22 0:36 / /other rw shared:3 master:1 - tmpfs other rw\n"
    "42 40 0:37 / /scratch rw - tmpfs over rw\n";

TEST(MountTable, ReadsEveryFieldThatIsUsed) {
  const MountTable table = parse_mount_table(kTable);
  ASSERT_EQ(table.size(), 4U);
  EXPECT_EQ(table[1].id.number, 40);
  EXPECT_EQ(table[1].device, "0:35");
  EXPECT_EQ(table[1].path, "/scratch");
  EXPECT_EQ(table[1].type, kFileSystemType);
  EXPECT_EQ(table[1].source, "scratchfs");
  EXPECT_EQ(table[1].owner(), 1000U);
  EXPECT_FALSE(table[0].owner());
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

TEST(MountTable, TellsDevicesAsStatDoes) {
  EXPECT_EQ(parse_device("0:45"), gnu_dev_makedev(0, 45));
  EXPECT_EQ(parse_device("259:3"), gnu_dev_makedev(259, 3));
  for (const char* text : {"", "0", "0:", ":1", "a:b", "0:1x"}) EXPECT_FALSE(parse_device(text));
}

TEST(MountInfo, IsReadWhereItCanBe) {
  EXPECT_FALSE(read_mount_table().empty());
  EXPECT_TRUE(read_mount_table("/proc/self/no such file").empty());
  EXPECT_TRUE(read_mount_table("/proc/self").empty()) << "a directory is open, but cannot be read";
}

TEST(MountInfo, HasAllFieldsOfEachLine) {
  const auto lines = parse_mount_table(
      "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
      "41 22 0:36 /sub /mnt rw shared:3 master:1 - fuse.scratchfs s rw,user_id=1000\n"
      "42 22 0:37 / /empty rw - tmpfs  rw\n");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].id.number, 22);
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
  const auto lines = parse_mount_table(
      "41 22 0:36 /a\\040root /with\\040a\\040space\\134 rw - tmpfs a\\040source rw\n");
  EXPECT_EQ(lines.at(0).root, "/a root");
  EXPECT_EQ(lines.at(0).path, "/with a space\\");
  EXPECT_EQ(lines.at(0).source, "a source");
  EXPECT_EQ(unescape("\\04"), "\\04");
  EXPECT_EQ(unescape("\\0408"), " 8");
  EXPECT_EQ(unescape("\\480"), "\\480");
}

TEST(MountInfo, LeavesOutWhatIsNoLine) {
  EXPECT_TRUE(parse_mount_table("").empty());
  EXPECT_TRUE(parse_mount_table("garbage\n\n1 2 3\nx 1 0:1 / /a rw - t s rw\n").empty());
}

constexpr const char* kCovered =
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "40 21 0:50 / /scratch rw,nosuid,nodev - fuse.scratchfs scratchfs rw\n"
    "41 21 0:51 / /mnt/with\\040blank rw - tmpfs tmpfs rw\n"
    "57 40 0:52 / /scratch rw - tmpfs over rw\n";

std::string newest(const MountTable& before, const MountTable& now, const char* path) {
  const Mount* mount = newest_at(now, before, path);
  return mount != nullptr ? mount->device + ' ' + mount->type + ' ' + mount->source : "none";
}

TEST(TopmostMount, IsTheLastOneAtThatPath) {
  const MountTable table = parse_mount_table(kCovered);
  EXPECT_EQ(topmost_at(table, "/")->id.number, 21);
  EXPECT_EQ(topmost_at(table, "/scratch")->id.number, 57);
  EXPECT_EQ(topmost_at(table, "/scratch")->source, "over");
  EXPECT_EQ(topmost_at(table, "/mnt/with blank")->id.number, 41);
}

TEST(TopmostMount, KnowsNothingOfOtherPaths) {
  const MountTable table = parse_mount_table(kCovered);
  EXPECT_EQ(topmost_at(table, "/scratc"), nullptr);
  EXPECT_EQ(topmost_at(table, "/scratch/"), nullptr);
  EXPECT_EQ(topmost_at({}, "/"), nullptr);
  EXPECT_EQ(topmost_at(parse_mount_table("garbage\n\n7\n"), "/"), nullptr);
}

TEST(VisibleMount, IsOneThatNothingIsMountedOver) {
  const MountTable table = parse_mount_table(kCovered);
  Mount blank = table[2];
  blank.id.unique = 7;
  EXPECT_EQ(find_visible(table, blank), &table[2]);
  EXPECT_EQ(find_visible(table, table[1]), nullptr) << "another is mounted over it";
  EXPECT_EQ(find(table, table[1]), &table[1]);
  Mount reused = table[2];
  reused.device = "0:99";
  EXPECT_EQ(find_visible(table, reused), nullptr) << "a number is used again";
  reused = table[2];
  reused.type = "fuse.scratchfs";
  EXPECT_EQ(find_visible(table, reused), nullptr) << "and the device";
}

TEST(NewestMount, IsOneThatWasNotThereBefore) {
  const MountTable before = parse_mount_table(kCovered);
  std::string text(kCovered);  // in two steps: else g++ 12 sees an overflow under TSan
  text += "58 57 0:53 / /scratch rw - fuse.scratchfs s rw\n";
  const MountTable later = parse_mount_table(text);
  EXPECT_EQ(newest(before, later, "/scratch"), "0:53 fuse.scratchfs s");
  EXPECT_EQ(newest(before, later, "/mnt"), "none");
  EXPECT_EQ(newest(later, later, "/scratch"), "none");
  const MountTable again = parse_mount_table("58 21 0:53 / /elsewhere rw - fuse.scratchfs s rw\n");
  EXPECT_EQ(newest(again, later, "/scratch"), "0:53 fuse.scratchfs s")
      << "numbers that have become free";
}

}  // namespace
}  // namespace scratchfs::mounts
