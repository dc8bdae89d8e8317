#include "fs/tree/create_mode.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace scratchfs::tree {
namespace {

TEST(CreationMode, KeepsOnlyTheOwnersExecuteBitOfAPrivateFile) {
  EXPECT_EQ(creation_mode(CreateMode::owner_only, S_IFREG | 0644, 022), mode_t{S_IFREG | 0600});
  EXPECT_EQ(creation_mode(CreateMode::owner_only, S_IFREG | 07777, 0), mode_t{S_IFREG | 0700});
  EXPECT_EQ(creation_mode(CreateMode::owner_only, S_IFREG | 0077, 0), mode_t{S_IFREG | 0600});
  EXPECT_EQ(creation_mode(CreateMode::owner_only, S_IFREG | 0400, 0), mode_t{S_IFREG | 0600});
}

TEST(CreationMode, IgnoresEverythingAskedForWhereItIsExactly0600) {
  EXPECT_EQ(creation_mode(CreateMode::exactly_0600, S_IFREG | 0755, 0), mode_t{S_IFREG | 0600});
  EXPECT_EQ(creation_mode(CreateMode::exactly_0600, S_IFREG | 0, 0777), mode_t{S_IFREG | 0600});
}

TEST(CreationMode, MakesDirectories0700InBothPrivateModes) {
  for (const CreateMode policy : {CreateMode::owner_only, CreateMode::exactly_0600}) {
    EXPECT_EQ(creation_mode(policy, S_IFDIR | 01777, 0), mode_t{S_IFDIR | 0700});
    EXPECT_EQ(creation_mode(policy, S_IFDIR | 02000, 0777), mode_t{S_IFDIR | 0700});
  }
}

TEST(CreationMode, MakesFifosSocketsAndDevices0600InBothPrivateModes) {
  for (const CreateMode policy : {CreateMode::owner_only, CreateMode::exactly_0600}) {
    for (const int type : {S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK}) {
      EXPECT_EQ(creation_mode(policy, static_cast<mode_t>(type | 0777), 0),
                static_cast<mode_t>(type | 0600));
    }
  }
}

TEST(CreationMode, FollowsTheUmaskInPosixMode) {
  EXPECT_EQ(creation_mode(CreateMode::posix, S_IFREG | 0666, 022), mode_t{S_IFREG | 0644});
  EXPECT_EQ(creation_mode(CreateMode::posix, S_IFREG | 06755, 0), mode_t{S_IFREG | 06755});
  EXPECT_EQ(creation_mode(CreateMode::posix, S_IFDIR | 01777, 027), mode_t{S_IFDIR | 01750});
  EXPECT_EQ(creation_mode(CreateMode::posix, S_IFIFO | 0666, 0077), mode_t{S_IFIFO | 0600});
}

TEST(CreationMode, MakesSymlinks0777Always) {
  for (const CreateMode policy :
       {CreateMode::owner_only, CreateMode::exactly_0600, CreateMode::posix}) {
    EXPECT_EQ(creation_mode(policy, S_IFLNK | 0600, 077), mode_t{S_IFLNK | 0777});
  }
}

TEST(CreationMode, TakesAMissingTypeForARegularFileAsMknodDoes) {
  EXPECT_EQ(creation_mode(CreateMode::owner_only, 0755, 0), mode_t{S_IFREG | 0700});
  EXPECT_EQ(creation_mode(CreateMode::posix, 0755, 022), mode_t{S_IFREG | 0755});
}

}  // namespace
}  // namespace scratchfs::tree
