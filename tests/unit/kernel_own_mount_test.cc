#include "fs/kernel/own_mount.h"

#include <gtest/gtest.h>

namespace scratchfs::kernel {
namespace {

constexpr const char* kTable =
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "40 21 0:50 / /scratch rw,nosuid,nodev - fuse.scratchfs scratchfs rw\n"
    "41 21 0:51 / /mnt/with\\040blank rw - tmpfs tmpfs rw\n"
    "57 40 0:52 / /scratch rw - tmpfs over rw\n";

TEST(TopmostMount, IsTheLastOneAtThatPath) {
  EXPECT_EQ(topmost_mount(kTable, "/"), (MountIdentity{21, "8:1"}));
  EXPECT_EQ(topmost_mount(kTable, "/scratch"), (MountIdentity{57, "0:52"}));
  EXPECT_EQ(topmost_mount(kTable, "/mnt/with blank"), (MountIdentity{41, "0:51"}));
}

TEST(TopmostMount, KnowsNothingOfOtherPaths) {
  EXPECT_EQ(topmost_mount(kTable, "/scratc"), MountIdentity());
  EXPECT_EQ(topmost_mount(kTable, "/scratch/"), MountIdentity());
  EXPECT_EQ(topmost_mount("", "/"), MountIdentity());
  EXPECT_EQ(topmost_mount("garbage\n\n7\n", "/"), MountIdentity());
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
