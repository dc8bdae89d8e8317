#include "fs/mounts/own_mount.h"

#include <gtest/gtest.h>

namespace scratchfs::mounts {
namespace {

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
}  // namespace scratchfs::mounts
