// Attacks between users in a world-writable root: the kernel's protections of sticky directories
// (protected_* in Documentation/admin-guide/sysctl/fs.rst) hold on a mount, too.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/protections.h"

namespace scratchfs::harness {
namespace {

std::string opened(const std::string& path, int flags) {
  return outcome(Fd(open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666)).get());
}

class SharedRoot : public testing::TestWithParam<Transport> {
 protected:
  std::string at(const std::string& name) const { return mount_ / name; }

  Mount mount_{"lifetime=mount,create_mode=posix", GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, SharedRoot,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(SharedRoot, TheKernelsProtectionsOfStickyDirectoriesHold) {
  const Protections protections;
  make_file(at("roots").c_str(), "root's");
  ASSERT_EQ(chmod(at("roots").c_str(), 0666), 0);
  check_in_child(as_user(kAlice), [&] {
    umask(0);
    EXPECT_EQ(symlink(at("roots").c_str(), at("trap").c_str()), 0);
    make_file(at("file").c_str(), "alice's");
    EXPECT_EQ(chmod(at("file").c_str(), 0666), 0);
    make_file(at("closed").c_str(), "alice's");
    EXPECT_EQ(chmod(at("closed").c_str(), 0600), 0);
    EXPECT_EQ(mkfifo(at("fifo").c_str(), 0666), 0);
    EXPECT_EQ(opened(at("trap"), O_RDONLY), "0") << "her own link";
  });
  for (const uid_t uid : {kBob, uid_t{0}}) {
    check_in_child(as_user(uid), [&] {
      EXPECT_EQ(opened(at("trap"), O_WRONLY), "EACCES") << "another's symbolic link, uid " << uid;
      EXPECT_EQ(opened(at("file"), O_CREAT | O_WRONLY), "EACCES") << "taken for a new file";
      EXPECT_EQ(opened(at("file"), O_WRONLY), "0") << "meant as it is";
      EXPECT_EQ(opened(at("fifo"), O_CREAT | O_RDWR), "EACCES") << "taken for a new file";
    });
  }
  check_in_child(as_user(kBob), [&] {
    EXPECT_EQ(outcome(link(at("closed").c_str(), at("mine").c_str())), "EPERM");
    EXPECT_EQ(outcome(link(at("trap").c_str(), at("mine").c_str())), "EPERM");
  });
}

TEST_P(SharedRoot, NobodyMovesOrRemovesWhatIsAnothers) {
  check_in_child(as_user(kAlice), [&] {
    make_file(at("file").c_str(), "alice's");
    EXPECT_EQ(mkdir(at("directory").c_str(), 0700), 0);
  });
  check_in_child(as_user(kBob), [&] {
    make_file(at("bobs").c_str(), "bob's");
    EXPECT_EQ(outcome(unlink(at("file").c_str())), "EPERM");
    EXPECT_EQ(outcome(rmdir(at("directory").c_str())), "EPERM");
    EXPECT_EQ(outcome(rename(at("file").c_str(), at("mine").c_str())), "EPERM");
    EXPECT_EQ(outcome(rename(at("bobs").c_str(), at("file").c_str())), "EPERM");
    EXPECT_EQ(outcome(chmod(at("file").c_str(), 0777)), "EPERM");
    EXPECT_EQ(outcome(truncate(at("file").c_str(), 0)), "EACCES");
  });
}

class PrivateMount : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, PrivateMount,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(PrivateMount, RefusesEverybodyButItsOwner) {
  const Mount mount(MountSettings{
      .options = "memory=16M,create_mode=posix", .transport = GetParam(), .who = as_user(kNobody)});
  Child owner(as_user(kNobody), [&](Channel& channel) {
    umask(0);
    const Fd file(open((mount / "f").c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666));
    channel.send(outcome(file.get()));
    channel.receive();
  });
  EXPECT_EQ(owner.receive(), "0");
  for (const uid_t uid : {kAlice, uid_t{0}}) {
    check_in_child(as_user(uid), [&] {
      EXPECT_EQ(why_not(mount.path()), "EACCES") << uid;
      EXPECT_EQ(opened(mount.path(), O_RDONLY | O_DIRECTORY), "EACCES") << uid;
      EXPECT_EQ(opened(mount / "f", O_RDONLY), "EACCES") << uid;
      EXPECT_EQ(outcome(mkdir((mount / "d").c_str(), 0700)), "EACCES") << uid;
    });
  }
  owner.send("end");
  owner.join();
}

}  // namespace
}  // namespace scratchfs::harness
