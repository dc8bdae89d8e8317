#include "fs/mounts/own_mount.h"

#include <gtest/gtest.h>

namespace scratchfs::kernel {
namespace {

constexpr const char* kTable =
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "40 21 0:50 / /scratch rw,nosuid,nodev - fuse.scratchfs scratchfs rw\n"
    "41 21 0:51 / /mnt/with\\040blank rw - tmpfs tmpfs rw\n"
    "57 40 0:52 / /scratch rw - tmpfs over rw\n";

TEST(TopmostMount, IsTheLastOneAtThatPath) {
  EXPECT_EQ(topmost_mount(kTable, "/"), (MountIdentity{21, "8:1", "ext4 /dev/sda1"}));
  EXPECT_EQ(topmost_mount(kTable, "/scratch"), (MountIdentity{57, "0:52", "tmpfs over"}));
  EXPECT_EQ(topmost_mount(kTable, "/mnt/with blank"), (MountIdentity{41, "0:51", "tmpfs tmpfs"}));
}

TEST(TopmostMount, KnowsNothingOfOtherPaths) {
  EXPECT_EQ(topmost_mount(kTable, "/scratc"), MountIdentity());
  EXPECT_EQ(topmost_mount(kTable, "/scratch/"), MountIdentity());
  EXPECT_EQ(topmost_mount("", "/"), MountIdentity());
  EXPECT_EQ(topmost_mount("garbage\n\n7\n", "/"), MountIdentity());
}

TEST(PathOfMount, IsWhereItCanBeSeen) {
  EXPECT_EQ(path_of_mount(kTable, {41, "0:51", "tmpfs tmpfs", 7}), "/mnt/with blank");
  EXPECT_EQ(path_of_mount(kTable, {40, "0:50", "fuse.scratchfs scratchfs"}), "")
      << "another is mounted over it";
  EXPECT_EQ(path_of_mount(kTable, {41, "0:99", "tmpfs tmpfs"}), "") << "a number is used again";
  EXPECT_EQ(path_of_mount(kTable, {41, "0:51", "fuse.scratchfs scratchfs"}), "")
      << "and the device";
}

TEST(MountSince, IsOneThatWasNotThereBefore) {
  std::string later(kTable);  // in two steps: else g++ 12 sees an overflow under TSan
  later += "58 57 0:53 / /scratch rw - fuse.scratchfs s rw\n";
  EXPECT_EQ(mount_since(kTable, later, "/scratch"),
            (MountIdentity{58, "0:53", "fuse.scratchfs s"}));
  EXPECT_EQ(mount_since(kTable, later, "/mnt"), MountIdentity());
  EXPECT_EQ(mount_since(later, later, "/scratch"), MountIdentity());
  const std::string again = "58 21 0:53 / /elsewhere rw - fuse.scratchfs s rw\n";
  EXPECT_EQ(mount_since(again, later, "/scratch").id, 58) << "numbers that have become free";
}

TEST(OwnMount, OfNothingIsNowhereAndDetachesNothing) {
  OwnMount none;
  EXPECT_FALSE(none.is_there());
  EXPECT_TRUE(none.detach());
  OwnMount elsewhere("/no/such/mount");
  EXPECT_FALSE(elsewhere.is_there());
  EXPECT_TRUE(elsewhere.detach());
}

TEST(OwnMount, SeesAMountOfThisMachine) { EXPECT_TRUE(OwnMount("/proc").is_there()); }

}  // namespace
}  // namespace scratchfs::kernel
