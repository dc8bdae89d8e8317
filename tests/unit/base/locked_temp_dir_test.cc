#include "fs/base/locked_temp_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace scratchfs::base {
namespace {

namespace stdfs = std::filesystem;

class OwnPlaceTest : public testing::Test {
 protected:
  OwnPlaceTest() {
    std::string pattern = (stdfs::path(testing::TempDir()) / "locked_temp_dir.XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    directory_ = open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
  ~OwnPlaceTest() override {
    close(directory_);
    stdfs::remove_all(path_);
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : stdfs::directory_iterator(path_)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  // Runs a process that makes a place, creates a file in it, and ends without removing either.
  void die_with_a_place() const {
    const pid_t child = fork();
    if (child == 0) {
      auto place = LockedTempDir::make(directory_);
      if (!place) _exit(1);
      close(openat((*place)->descriptor(), ".nfs0001", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }

  stdfs::path path_;
  int directory_ = -1;
};

TEST_F(OwnPlaceTest, IsNamedAfterTheMachineAndForItsOwnerAlone) {
  const auto place = LockedTempDir::make(directory_);
  ASSERT_TRUE(place) << place.error().value();
  utsname machine{};
  uname(&machine);
  ASSERT_EQ(names().size(), 1U);
  EXPECT_TRUE(names()[0].starts_with(std::string(".scratchfs-") + machine.nodename + "-"));
  EXPECT_EQ(stdfs::status(path_ / names()[0]).permissions(), stdfs::perms::owner_all);
}

TEST_F(OwnPlaceTest, GoesWithAllThatIsInIt) {
  {
    auto place = LockedTempDir::make(directory_);
    ASSERT_TRUE(place);
    EXPECT_FALSE((*place)->holds_names());
    close(openat((*place)->descriptor(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    EXPECT_TRUE((*place)->holds_names());
    EXPECT_EQ(names().size(), 1U);
  }
  EXPECT_TRUE(names().empty());
}

TEST_F(OwnPlaceTest, RemovesWhatTheDeadLeft) {
  die_with_a_place();
  ASSERT_EQ(names().size(), 1U);
  const std::string left = names()[0];
  const auto place = LockedTempDir::make(directory_);
  ASSERT_TRUE(place);
  ASSERT_EQ(names().size(), 1U);
  EXPECT_NE(names()[0], left);
}

TEST_F(OwnPlaceTest, LeavesThoseOfTheLivingAlone) {
  const auto first = LockedTempDir::make(directory_);
  const auto second = LockedTempDir::make(directory_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(names().size(), 2U);
  EXPECT_EQ(faccessat((*first)->descriptor(), "owner", F_OK, 0), 0);
}

TEST_F(OwnPlaceTest, LeavesOtherMachinesAlone) {
  stdfs::create_directory(path_ / ".scratchfs-another.machine-0123456789abcdef");
  const std::ofstream owner(path_ / ".scratchfs-another.machine-0123456789abcdef" / "owner");
  const auto place = LockedTempDir::make(directory_);
  ASSERT_TRUE(place);
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(OwnPlaceTest, LeavesOneThatIsBeingMadeAlone) {
  die_with_a_place();
  const stdfs::path left = path_ / names()[0];
  stdfs::remove(left / "owner");
  const auto place = LockedTempDir::make(directory_);
  ASSERT_TRUE(place);
  EXPECT_TRUE(stdfs::exists(left));
}

TEST_F(OwnPlaceTest, RemovesAnEmptyOneThatNobodyEverLocked) {
  die_with_a_place();
  const stdfs::path left = path_ / names()[0];
  stdfs::remove(left / "owner");
  stdfs::remove(left / ".nfs0001");
  const auto place = LockedTempDir::make(directory_);
  ASSERT_TRUE(place);
  EXPECT_FALSE(stdfs::exists(left));
}

TEST_F(OwnPlaceTest, CanBeMadeWhileOthersCleanUp) {
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 200; ++i) {
      if (!LockedTempDir::make(directory_)) _exit(1);
    }
    _exit(0);
  }
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(LockedTempDir::make(directory_));
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(names().empty());
}

TEST_F(OwnPlaceTest, FollowsNoLink) {
  die_with_a_place();
  const std::string left = names()[0];
  stdfs::rename(path_ / left, path_ / "elsewhere");
  stdfs::create_symlink("elsewhere", path_ / left);
  const auto place = LockedTempDir::make(directory_);
  ASSERT_TRUE(place);
  EXPECT_TRUE(stdfs::exists(path_ / "elsewhere" / ".nfs0001"));
}

TEST_F(OwnPlaceTest, TellsWhyThereIsNone) {
  close(directory_);
  directory_ = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
  EXPECT_FALSE(LockedTempDir::make(directory_));
}

}  // namespace
}  // namespace scratchfs::base
