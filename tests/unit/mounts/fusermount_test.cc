#include "fs/mounts/fusermount.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace scratchfs::mounts {
namespace {

// A fusermount3 of our own, first in PATH: a shell script that does what a test wants.
class Fusermount : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "fusermount-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = getenv("PATH");
    setenv("PATH", (directory_.string() + ":" + path_).c_str(), 1);
  }
  void TearDown() override {
    setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(directory_);
  }
  void helper(const std::string& script) const {
    const std::filesystem::path file = directory_ / "fusermount3";
    std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
    chmod(file.c_str(), 0755);
  }

  std::filesystem::path directory_;
  std::string path_;
};

TEST_F(Fusermount, GetsTheListThePathAndTheSocket) {
  helper("printf '%s|' \"$@\" >&2; [ -S /proc/self/fd/$_FUSE_COMMFD ] && echo socket >&2; exit 1");
  const auto mounted = mount_with_fusermount("/a path", "fsname=x,nodev");
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().message, "-o|fsname=x,nodev|--|/a path|socket");
}

TEST_F(Fusermount, FailsWithTheFirstLineThatTheHelperSays) {
  helper("echo 'fusermount3: no' >&2; echo more >&2; exit 1");
  const auto mounted = mount_with_fusermount("/a", "nodev");
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().message, "fusermount3: no");
}

TEST_F(Fusermount, FailsWhereTheHelperSendsNothing) {
  helper("exit 0");
  const auto mounted = mount_with_fusermount("/a", "nodev");
  ASSERT_FALSE(mounted);
  EXPECT_FALSE(mounted.error().message.empty());
}

TEST_F(Fusermount, TakesTheDescriptorThatTheHelperSends) {
  helper(
      "exec python3 -c 'import os, socket, array\n"
      "s = socket.socket(fileno=int(os.environ[\"_FUSE_COMMFD\"]))\n"
      "f = os.open(\"/dev/null\", os.O_RDONLY)\n"
      "s.sendmsg([b\"x\"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array(\"i\", [f]))])'");
  if (system("python3 -c ''") != 0) GTEST_SKIP() << "no python3 to play the helper";
  const auto mounted = mount_with_fusermount("/a", "nodev");
  ASSERT_TRUE(mounted) << mounted.error().message;
  struct stat status {};
  struct stat null {};
  ASSERT_EQ(fstat(mounted->get(), &status), 0);
  ASSERT_EQ(stat("/dev/null", &null), 0);
  EXPECT_EQ(status.st_rdev, null.st_rdev);
  EXPECT_NE(fcntl(mounted->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(Fusermount, IsToldWhereToBeGotIfItIsMissing) {
  setenv("PATH", directory_.c_str(), 1);
  const auto mounted = mount_with_fusermount("/a", "nodev");
  ASSERT_FALSE(mounted);
  EXPECT_NE(mounted.error().message.find("install"), std::string::npos);
}

}  // namespace
}  // namespace scratchfs::mounts
