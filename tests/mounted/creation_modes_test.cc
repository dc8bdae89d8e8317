// create_mode: the permissions that new files have from the first moment.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

class CreationModes : public testing::TestWithParam<Transport> {
 protected:
  void TearDown() override { umask(022); }
  // Creates a file and returns the mode that fstat(2) shows right after.
  static mode_t created(const std::string& path, mode_t mode, int flags = O_EXCL) {
    const Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | flags, mode));
    EXPECT_TRUE(file.valid()) << path << ": " << errno_name(errno);
    struct stat info {};
    EXPECT_EQ(fstat(file.get(), &info), 0);
    EXPECT_EQ(mode_of(path), info.st_mode & 07777);
    return info.st_mode & 07777;
  }
  static mode_t made(const std::string& path, mode_t mode) {
    EXPECT_EQ(mkdir(path.c_str(), mode), 0) << path << ": " << errno_name(errno);
    return mode_of(path);
  }
};
INSTANTIATE_TEST_SUITE_P(Both, CreationModes,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(CreationModes, PrivateIsTheDefaultAndKeepsTheOwnersX) {
  const Mount mount("lifetime=mount", GetParam());
  for (const mode_t mask : {0U, 022U, 077U}) {
    umask(mask);
    const std::string name = std::to_string(mask);
    EXPECT_EQ(created(mount / ("a" + name), 0666), 0600U);
    EXPECT_EQ(created(mount / ("b" + name), 0777), 0700U);
    EXPECT_EQ(created(mount / ("c" + name), 07777), 0700U);
    EXPECT_EQ(created(mount / ("d" + name), 0444), 0600U);
    EXPECT_EQ(created(mount / ("e" + name), 0), 0600U);
    EXPECT_EQ(created(mount / ("f" + name), 0011), 0600U);
    EXPECT_EQ(created(mount / ("g" + name), 0666, 0), 0600U);
    EXPECT_EQ(made(mount / ("h" + name), 0777), 0700U);
    EXPECT_EQ(made(mount / ("i" + name), 07777), 0700U);
  }
}

TEST_P(CreationModes, ExactlyZeroSixHundred) {
  const Mount mount("lifetime=mount,create_mode=0600", GetParam());
  umask(0);
  EXPECT_EQ(created(mount / "a", 0777), 0600U);
  EXPECT_EQ(created(mount / "b", 07777), 0600U);
  EXPECT_EQ(created(mount / "c", 0), 0600U);
  EXPECT_EQ(made(mount / "d", 0777), 0700U);
}

TEST_P(CreationModes, PosixAppliesTheUmask) {
  const Mount mount("lifetime=mount,create_mode=posix", GetParam());
  umask(027);
  EXPECT_EQ(created(mount / "a", 0777), 0750U);
  EXPECT_EQ(created(mount / "b", 0666), 0640U);
  EXPECT_EQ(made(mount / "c", 0777), 0750U);
}

TEST_P(CreationModes, SpecialFilesAreTheOwnersAlone) {
  for (const char* mode : {"private", "0600"}) {
    const Mount mount(std::string("lifetime=mount,create_mode=") + mode, GetParam());
    umask(0);
    EXPECT_EQ(mkfifo((mount / "fifo").c_str(), 0777), 0);
    EXPECT_EQ(mknod((mount / "socket").c_str(), S_IFSOCK | 0777, 0), 0);
    EXPECT_EQ(mknod((mount / "char").c_str(), S_IFCHR | 0777, 0), 0);
    EXPECT_EQ(mknod((mount / "plain").c_str(), S_IFREG | 06777, 0), 0);
    for (const char* name : {"fifo", "socket", "char"}) {
      EXPECT_EQ(mode_of(mount / name), 0600U) << name;
    }
    EXPECT_EQ(mode_of(mount / "plain"), mode == std::string_view("private") ? 0700U : 0600U);
  }
}

TEST_P(CreationModes, TmpfilesToo) {
  const Mount mount("lifetime=mount", GetParam());
  umask(0);
  const Fd file(open(mount.path().c_str(), O_TMPFILE | O_RDWR, 06777));
  ASSERT_TRUE(file.valid()) << errno_name(errno);
  struct stat info {};
  ASSERT_EQ(fstat(file.get(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
}

TEST_P(CreationModes, ASetgidDirectoryPassesNoBitsOn) {
  const Mount mount("lifetime=mount", GetParam());
  umask(0);
  EXPECT_EQ(made(mount / "d", 0777), 0700U);
  ASSERT_EQ(chown((mount / "d").c_str(), 0, kTeam), 0);
  ASSERT_EQ(chmod((mount / "d").c_str(), 02777), 0);
  EXPECT_EQ(made(mount / "d/sub", 0777), 0700U);
  EXPECT_EQ(created(mount / "d/file", 02777), 0700U);
}

TEST_P(CreationModes, AnExplicitChmodWorksAfterwards) {
  const Mount mount("lifetime=mount", GetParam());
  created(mount / "f", 0600);
  EXPECT_EQ(chmod((mount / "f").c_str(), 0644), 0);
  EXPECT_EQ(mode_of(mount / "f"), 0644U);
  EXPECT_EQ(run({"install", "-m", "0755", "/bin/true", mount / "true"}).code, 0);
  EXPECT_EQ(mode_of(mount / "true"), 0755U);
  EXPECT_EQ(run({mount / "true"}).code, 0);
}

TEST_P(CreationModes, DefaultAclsAreIgnoredWhereTheyCanBeSet) {
  const Mount mount("lifetime=mount", GetParam());
  umask(0);
  made(mount / "d", 0700);
  // This test does not care whether ACLs are supported at all.
  run({"setfacl", "-d", "-m", "u:" + std::to_string(kAlice) + ":rwx,o::rwx", mount / "d"});
  EXPECT_EQ(created(mount / "d/f", 0666), 0600U);
  EXPECT_EQ(made(mount / "d/sub", 0777), 0700U);
  check_in_child(as_user(kAlice), [&] { EXPECT_LT(open((mount / "d/f").c_str(), O_RDONLY), 0); });
}

TEST_P(CreationModes, NobodyElseCanOpenAFileAtAnyMoment) {
  const Mount mount("lifetime=mount", GetParam());
  Child watcher(as_user(kAlice), [&](Channel& channel) {
    channel.send("ready");
    int opened = 0;
    while (true) {
      const Fd file(open((mount / "secret").c_str(), O_RDONLY | O_CLOEXEC));
      opened += file.valid() ? 1 : 0;
      const Fd end(open((mount / "end").c_str(), O_PATH | O_CLOEXEC));
      if (end.valid()) {
        break;
      }
    }
    channel.send(std::to_string(opened));
  });
  watcher.receive();
  umask(0);
  for (int round = 0; round < 2000; ++round) {
    const Fd file(open((mount / "secret").c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666));
    ASSERT_TRUE(file.valid());
    ASSERT_EQ(unlink((mount / "secret").c_str()), 0);
  }
  created(mount / "end", 0600);
  EXPECT_EQ(watcher.receive(), "0");
  watcher.join();
}

TEST_P(CreationModes, TheRootIsSharedLikeTmp) {
  const Mount mount("", GetParam());
  EXPECT_EQ(mode_of(mount.path()), 01777U);
}

TEST_P(CreationModes, AnUnsharedRootIsItsOwnersAlone) {
  const Mount mount("noallow_other", GetParam());
  EXPECT_EQ(mode_of(mount.path()), 0700U);
  check_in_child(as_user(kAlice), [&] {
    EXPECT_LT(open((mount / "x").c_str(), O_CREAT | O_RDWR, 0600), 0);
    EXPECT_EQ(errno_name(errno), "EACCES");
  });
}

}  // namespace
}  // namespace scratchfs::harness
