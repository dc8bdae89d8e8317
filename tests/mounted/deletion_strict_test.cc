// lifetime=strict deletes a regular file with all its names at its last close; lifetime=mount
// deletes nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

class DeletionStrict : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"lifetime=strict,memory=64M", GetParam()};
  std::string at(const std::string& name) const { return mount_ / name; }
  Fd create(const std::string& name, int flags = O_RDWR) const {
    Fd file(open(at(name).c_str(), O_CREAT | O_CLOEXEC | flags, 0600));
    EXPECT_TRUE(file.valid()) << name << ": " << errno_name(errno);
    return file;
  }
  // For cases where the kernel sends RELEASE without a FLUSH for close(2) to wait for.
  bool soon_gone(const std::string& name) const {
    return eventually([&] { return why_not(at(name)) == "ENOENT"; }, 1);
  }
};
INSTANTIATE_TEST_SUITE_P(Both, DeletionStrict,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(DeletionStrict, AFileGoesAtItsLastClose) {
  Fd file = create("f");
  EXPECT_EQ(write(file.get(), "hello", 5), 5);
  EXPECT_TRUE(exists(at("f")));
  file.close();
  EXPECT_EQ(why_not(at("f")), "ENOENT");
  EXPECT_TRUE(names_in(mount_.path()).empty());
}

TEST_P(DeletionStrict, AnExclusivelyCreatedFileGoesToo) {
  create("f", O_RDWR | O_EXCL).close();
  EXPECT_EQ(why_not(at("f")), "ENOENT");
}

TEST_P(DeletionStrict, AllNamesOfAFileGo) {
  ASSERT_EQ(mkdir(at("d").c_str(), 0700), 0);
  Fd file = create("f");
  ASSERT_EQ(link(at("f").c_str(), at("g").c_str()), 0);
  ASSERT_EQ(link(at("f").c_str(), at("d/h").c_str()), 0);
  file.close();
  EXPECT_EQ(names_in(mount_.path()), std::vector<std::string>{"d"});
  EXPECT_TRUE(names_in(at("d")).empty());
}

TEST_P(DeletionStrict, AFileInADirectoryGoesAndTheDirectoryStays) {
  ASSERT_EQ(mkdir(at("d").c_str(), 0700), 0);
  create("d/f").close();
  EXPECT_TRUE(exists(at("d")));
  EXPECT_EQ(why_not(at("d/f")), "ENOENT");
}

TEST_P(DeletionStrict, ADuplicateKeepsIt) {
  Fd file = create("f");
  Fd copy(dup(file.get()));
  file.close();
  EXPECT_TRUE(exists(at("f")));
  copy.close();
  EXPECT_EQ(why_not(at("f")), "ENOENT");
}

TEST_P(DeletionStrict, ASecondHandleKeepsIt) {
  Fd file = create("f");
  Fd reader(open(at("f").c_str(), O_RDONLY | O_CLOEXEC));
  file.close();
  EXPECT_TRUE(exists(at("f")));
  reader.close();
  EXPECT_EQ(why_not(at("f")), "ENOENT");
}

TEST_P(DeletionStrict, AForkedProcessKeepsIt) {
  Fd file = create("f");
  Child child(Who{}, [](Channel& channel) { channel.receive(); });  // inherits the descriptor
  file.close();
  EXPECT_TRUE(exists(at("f")));
  child.send("end");
  child.join();
  EXPECT_EQ(why_not(at("f")), "ENOENT");
}

TEST_P(DeletionStrict, AMappingKeepsIt) {
  Fd file = create("f");
  ASSERT_EQ(ftruncate(file.get(), 8192), 0);
  char* memory =
      static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0));
  ASSERT_NE(static_cast<void*>(memory), MAP_FAILED);
  file.close();
  EXPECT_TRUE(exists(at("f")));
  memory[5000] = 'x';
  EXPECT_EQ(memory[5000], 'x');
  munmap(memory, 8192);
  EXPECT_TRUE(soon_gone("f"));
}

TEST_P(DeletionStrict, ADescriptorOnItsWayThroughASocketKeepsIt) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
  Fd to(ends[0]), from(ends[1]);
  Fd file = create("f");
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = file.get();
  memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  ASSERT_EQ(sendmsg(to.get(), &message, 0), 1);
  file.close();
  EXPECT_TRUE(exists(at("f")));
  from.close();
  EXPECT_TRUE(soon_gone("f"));
}

TEST_P(DeletionStrict, AnOpenPathIsNoHandle) {
  Fd file = create("f");
  const Fd path(open(at("f").c_str(), O_PATH | O_CLOEXEC));
  file.close();
  EXPECT_EQ(why_not(at("f")), "ENOENT");
}

TEST_P(DeletionStrict, WhatIsNoRegularFileStays) {
  ASSERT_EQ(mkdir(at("d").c_str(), 0700), 0);
  ASSERT_EQ(symlink("nowhere", at("s").c_str()), 0);
  ASSERT_EQ(mkfifo(at("p").c_str(), 0600), 0);
  Fd(open(at("d").c_str(), O_RDONLY | O_DIRECTORY)).close();
  Fd(open(at("p").c_str(), O_RDWR)).close();
  EXPECT_EQ(names_in(mount_.path()), (std::vector<std::string>{"d", "p", "s"}));
}

TEST_P(DeletionStrict, ATmpfileThatGotANameGoesWithItsLastClose) {
  Fd file(open(mount_.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.valid()) << errno_name(errno);
  const std::string self = "/proc/self/fd/" + std::to_string(file.get());
  ASSERT_EQ(linkat(AT_FDCWD, self.c_str(), AT_FDCWD, at("f").c_str(), AT_SYMLINK_FOLLOW), 0);
  EXPECT_TRUE(exists(at("f")));
  file.close();
  EXPECT_EQ(why_not(at("f")), "ENOENT");
}

TEST_P(DeletionStrict, RenamedOpenFilesGoUnderTheirNewNames) {
  Fd file = create("f");
  Fd other = create("g");
  ASSERT_EQ(rename(at("f").c_str(), at("g").c_str()), 0);
  other.close();  // replaced: it has no name any more
  EXPECT_TRUE(exists(at("g")));
  file.close();
  EXPECT_TRUE(names_in(mount_.path()).empty());
}

TEST_P(DeletionStrict, ASetuidChangeOfHandlesOwnerMakesNoDifference) {
  Child child(as_user(kAlice), [&](Channel& channel) {
    Fd file = create("f");
    channel.send("open");
    channel.receive();
    file.close();
    channel.send(why_not(at("f")));
  });
  child.receive();
  EXPECT_TRUE(exists(at("f")));
  child.send("close");
  EXPECT_EQ(child.receive(), "ENOENT");
  child.join();
}

TEST_P(DeletionStrict, TheProcessThatIsKilledClosesItsFiles) {
  Child child(Who{}, [&](Channel& channel) {
    const Fd file = create("f");
    channel.send("open");
    channel.receive();
  });
  child.receive();
  EXPECT_TRUE(exists(at("f")));
  child.kill(SIGKILL);
  child.join();
  EXPECT_EQ(why_not(at("f")), "ENOENT");
}

TEST_P(DeletionStrict, ANewFileOfTheSameNameIsAnother) {
  for (int i = 0; i < 200; ++i) {
    Fd file = create("f", O_RDWR | O_EXCL);
    ASSERT_TRUE(file.valid());
    const std::string text = "round " + std::to_string(i);
    ASSERT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ASSERT_EQ(bytes_of_file(at("f")), text);
  }
}

class DeletionMount : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"lifetime=mount,memory=64M", GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, DeletionMount,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(DeletionMount, EverythingStaysUntilItIsUnlinked) {
  check_in_child(Who{.new_session = true}, [&] {
    make_file((mount_ / "loose").c_str(), "loose");
    Fd(open((mount_ / "exclusive").c_str(), O_CREAT | O_EXCL | O_RDWR, 0600)).close();
    EXPECT_EQ(mkdir((mount_ / "d").c_str(), 0700), 0);
    make_file((mount_ / "d/f").c_str(), "inside");
  });
  EXPECT_EQ(names_in(mount_.path()), (std::vector<std::string>{"d", "exclusive", "loose"}));
  EXPECT_EQ(bytes_of_file(mount_ / "loose"), "loose");
  EXPECT_EQ(bytes_of_file(mount_ / "d/f"), "inside");
  EXPECT_EQ(unlink((mount_ / "loose").c_str()), 0);
  EXPECT_EQ(why_not(mount_ / "loose"), "ENOENT");
}

}  // namespace
}  // namespace scratchfs::harness
