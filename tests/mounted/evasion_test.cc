// One test for each way to exceed one's quota. None works, and the daemon holds no more than what
// is charged plus the bound per inode that docs/security.md states.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"
#include "tests/mounted/harness/protections.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

// Writes to `file` until that fails. Returns the error, and the number of accepted bytes in
// `accepted`.
std::string fill(int file, std::size_t& accepted) {
  const std::string data(64 << 10, 'x');
  for (accepted = 0;;) {
    const ssize_t put = write(file, data.data(), data.size());
    if (put < 0) return errno_name(errno);
    accepted += static_cast<std::size_t>(put);
    if (accepted > 16 * kMiB) return "no end";
  }
}

// Alice has a quota of 1 MiB and 1000 inodes.
class Evasion : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"lifetime=mount,memory=64M,user_quota=" + std::to_string(kAlice) + ":1M:1000",
               GetParam()};
  std::string at(const std::string& name) const { return mount_ / name; }
  Fd create(const std::string& name, int flags = O_RDWR) const {
    Fd file(open(at(name).c_str(), O_CREAT | O_CLOEXEC | flags, 0600));
    EXPECT_TRUE(file.valid()) << name << ": " << errno_name(errno);
    return file;
  }
  std::uint64_t charged() const { return charged_to(mount_, kAlice).bytes; }
  std::uint64_t in_memory() const { return status_of(mount_)["memory"]["used"]; }
  // Expects that the mount holds no more than Alice's quota and its page tables.
  void expect_within_quota() const {
    EXPECT_LE(charged(), kMiB);
    EXPECT_LE(in_memory(), 2 * kMiB);
  }
  // Expects that Alice can fill files that nobody can find only up to her quota, and that closing
  // them frees the space. `make_one` opens such a file.
  void expect_charged_while_open(const std::function<Fd()>& make_one) const {
    check_in_child(as_user(kAlice), [&] {
      std::vector<Fd> files;
      std::size_t all = 0;
      for (int i = 0; i < 4; ++i) {
        files.push_back(make_one());
        std::size_t accepted = 0;
        EXPECT_EQ(fill(files.back().get(), accepted), "EDQUOT");
        all += accepted;
      }
      EXPECT_EQ(all, kMiB);
    });
    EXPECT_TRUE(eventually([&] { return charged() == 0; }, 5)) << charged();
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Evasion, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Evasion, SparseFiles) {
  check_in_child(as_user(kAlice), [&] {
    const Fd file = create("f");
    EXPECT_EQ(ftruncate(file.get(), 1L << 40), 0) << "a hole costs nothing";
    std::size_t pages = 0;
    while (pwrite(file.get(), "x", 1, static_cast<off_t>(pages << 20)) == 1) ++pages;
    EXPECT_EQ(errno_name(errno), "EDQUOT");
    EXPECT_EQ(pages, kMiB / kPage);
  });
  expect_within_quota();
}

TEST_P(Evasion, TinyAttributes) {
  const long before = status_kb(mount_.daemon(), "VmRSS");
  check_in_child(as_user(kAlice), [&] {
    std::string error;
    int set = 0;
    for (int file = 0; file < 20 && error != "EDQUOT"; ++file) {
      const std::string path = at("f" + std::to_string(file));
      create("f" + std::to_string(file));
      for (int i = 0; i < 2000; ++i) {
        const std::string name = "user." + std::to_string(i);
        if (setxattr(path.c_str(), name.c_str(), "", 0, 0) == 0) {
          ++set;
          continue;
        }
        error = errno_name(errno);
        break;
      }
    }
    EXPECT_EQ(error, "EDQUOT");
    EXPECT_LT(set, 9000) << "each costs more than the bytes of its name";
  });
  expect_within_quota();
  if (!sanitized()) {
    EXPECT_LT(status_kb(mount_.daemon(), "VmRSS"), before + 6 * 1024);
  }
}

TEST_P(Evasion, LongSymbolicLinks) {
  check_in_child(as_user(kAlice), [&] {
    const std::string target(4000, 't');
    int made = 0;
    while (made < 1000 && symlink(target.c_str(), at("l" + std::to_string(made)).c_str()) == 0)
      ++made;
    EXPECT_EQ(errno_name(errno), "EDQUOT");
    EXPECT_EQ(made, 256);
  });
  expect_within_quota();
}

// The largest inode that is charged no bytes; docs/security.md states the bound.
TEST_P(Evasion, NamesOf255Bytes) {
  constexpr long kMostForAnInode = 2048;
  constexpr int kInodes = 8'000;
  const Mount mount(
      "memory=64M,user_quota=" + std::to_string(kAlice) + ":1M:" + std::to_string(kInodes),
      GetParam());
  const long before = status_kb(mount.daemon(), "VmRSS");
  Child alice(as_user(kAlice), [&](Channel& channel) {
    const int most = slowness() == 1 ? kInodes : kInodes / 20;
    for (int i = 0; i < most; ++i) {
      std::string name = std::to_string(i);
      name.append(255 - name.size(), 'n');
      // Claimed, with a target of 128 bytes that is not charged.
      ASSERT_EQ(symlink(std::string(128, 't').c_str(), (mount / name).c_str()), 0) << i;
    }
    if (slowness() == 1) {
      EXPECT_EQ(outcome(mkdir((mount / "one more").c_str(), 0700)), "EDQUOT");
    }
    channel.send("made");
    channel.receive();
  });
  alice.receive();
  EXPECT_EQ(charged_to(mount, kAlice).bytes, 0U);
  if (slowness() == 1) {
    const long grown = (status_kb(mount.daemon(), "VmRSS") - before) * 1024 / kInodes;
    RecordProperty("bytes_for_an_inode", static_cast<int>(grown));
    EXPECT_LT(grown, kMostForAnInode);
  }
  alice.send("end");
  alice.join();
}

TEST_P(Evasion, StoresThroughAMappingIntoHoles) {
  check_in_child(as_user(kAlice), [&] {
    constexpr std::size_t kLength = 4 * kMiB;
    const Fd file = create("f");
    EXPECT_EQ(ftruncate(file.get(), kLength), 0);
    void* const memory = mmap(nullptr, kLength, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    ASSERT_NE(memory, MAP_FAILED);
    std::fill_n(static_cast<char*>(memory), kLength, 'x');
    EXPECT_EQ(outcome(msync(memory, kLength, MS_SYNC)), "EDQUOT");
    munmap(memory, kLength);
    struct stat info {};
    EXPECT_EQ(fstat(file.get(), &info), 0);
    EXPECT_LE(static_cast<std::uint64_t>(info.st_blocks) * 512, kMiB);
  });
  expect_within_quota();
}

TEST_P(Evasion, FilesWithoutAName) {
  expect_charged_while_open(
      [&] { return Fd(open(mount_.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); });
}

TEST_P(Evasion, UnlinkedOpenFiles) {
  expect_charged_while_open([&] {
    Fd file = create("f");
    EXPECT_EQ(unlink(at("f").c_str()), 0);
    return file;
  });
}

// A second name keeps a file that its owner believes deleted but pays for, so it takes the owner's
// permission.
TEST_P(Evasion, HardLinksToOthersFiles) {
  const Protections protections;
  make_file(at("roots").c_str(), "x");
  check_in_child(as_user(kBob), [&] { make_file(at("bobs").c_str(), "x"); });
  check_in_child(as_user(kAlice), [&] {
    EXPECT_EQ(outcome(link(at("bobs").c_str(), at("mine").c_str())), "EPERM");
    EXPECT_EQ(outcome(link(at("roots").c_str(), at("mine").c_str())), "EPERM");
    // Her own links count, each as an inode.
    create("own");
    int made = 1;
    while (made < 2000 && link(at("own").c_str(), at("l" + std::to_string(made)).c_str()) == 0)
      ++made;
    EXPECT_EQ(errno_name(errno), "EDQUOT");
    EXPECT_EQ(made, 1000);
  });
}

TEST_P(Evasion, GivingFilesAwayAndWritingToOthers) {
  check_in_child(as_user(kBob), [&] {
    make_file(at("open").c_str(), "x");
    EXPECT_EQ(chmod(at("open").c_str(), 0666), 0);
  });
  check_in_child(as_user(kAlice), [&] {
    const Fd file = create("f");
    EXPECT_EQ(outcome(fchown(file.get(), kBob, gid_t(-1))), "EPERM");
    // An owner who opens a file to everybody is charged for what others write; that is the owner's
    // choice.
    const Fd bobs(open(at("open").c_str(), O_WRONLY | O_CLOEXEC));
    const std::string data(2 * kMiB, 'x');
    EXPECT_EQ(write(bobs.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
  });
  EXPECT_EQ(charged(), 0U);
  EXPECT_EQ(charged_to(mount_, kBob).bytes, 2 * kMiB);
}

TEST_P(Evasion, OpenHandles) {
  make_file(at("f").c_str(), "x");
  ASSERT_EQ(chmod(at("f").c_str(), 0644), 0);
  Child alice(as_user(kAlice), [&](Channel& channel) {
    const rlimit many{.rlim_cur = 18'000, .rlim_max = 18'000};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &many), 0) << errno_name(errno);
    int opened = 0;
    while (open(at("f").c_str(), O_RDONLY | O_CLOEXEC) >= 0) ++opened;
    EXPECT_EQ(errno_name(errno), "ENFILE");
    EXPECT_EQ(opened, 16'384);
    EXPECT_EQ(outcome(open(at("new").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)), "ENFILE");
    channel.send("opened");
    channel.receive();
  });
  alice.receive();
  check_in_child(as_user(kBob), [&] { EXPECT_EQ(bytes_of_file(at("f")), "x"); });
  alice.send("end");
  alice.join();
  // Alice can open files again once that process has ended.
  check_in_child(as_user(kAlice), [&] {
    EXPECT_TRUE(
        eventually([&] { return Fd(open(at("f").c_str(), O_RDONLY | O_CLOEXEC)).valid(); }, 5));
  });
}

TEST_P(Evasion, DirectoryStreams) {
  const long before = status_kb(mount_.daemon(), "VmRSS");
  check_in_child(as_user(kAlice), [&] {
    std::vector<Fd> streams;
    for (int i = 0; i < 900; ++i)
      streams.emplace_back(open(mount_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_TRUE(streams.back().valid());
    if (!sanitized()) {
      EXPECT_LT(status_kb(mount_.daemon(), "VmRSS"), before + 1024)
          << "there is nothing to remember";
    }
  });
}

}  // namespace
}  // namespace scratchfs::harness
