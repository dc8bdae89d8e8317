// What a hostile process can send gets the right errno and costs the daemon nothing lasting.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <random>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

constexpr off_t kLast = 0x7fff'ffff'ffff'ffff;

class Hostile : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { allow_seconds(90); }
  // Afterwards the daemon answers, and has not grown by more than so many MiB since `before`.
  void expect_small(long before, long mib) const {
    EXPECT_TRUE(exists(mount_.path()));
    if (sanitized()) {
      return;  // a sanitizer keeps what is freed for a while
    }
    EXPECT_TRUE(eventually([&] { return resident() <= before + mib * 1024; }, 5))
        << before << " kB before, " << resident() << " kB after";
  }
  long resident() const { return status_kb(mount_.daemon(), "VmRSS"); }

  Mount mount_{"memory=64M,inodes=20000,lifetime=mount,create_mode=posix", GetParam()};
  std::string at(const std::string& name) const { return mount_ / name; }
  Fd create(const std::string& name) const {
    return Fd(open(at(name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Hostile, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Hostile, OffsetsAtTheEndOfTheWorld) {
  const long before = resident();
  const Fd file = create("f");
  EXPECT_EQ(pwrite(file.get(), "0123456789", 10, kLast - 10), 10);
  EXPECT_EQ(pwrite(file.get(), "0123456789", 10, kLast - 5), -1);
  EXPECT_EQ(pwrite(file.get(), "0123456789", 10, -1), -1);
  EXPECT_EQ(ftruncate(file.get(), kLast), 0);
  EXPECT_EQ(lseek(file.get(), 0, SEEK_DATA), (kLast - 10) / 4096 * 4096);
  EXPECT_EQ(fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kLast), 0);
  char byte = 'x';
  EXPECT_EQ(pread(file.get(), &byte, 1, kLast - 5), 1);
  EXPECT_EQ(byte, '\0');
  EXPECT_EQ(ftruncate(file.get(), 0), 0);
  expect_small(before, 8);
}

TEST_P(Hostile, HugeAllocationsFailAtOnce) {
  const long before = resident();
  const Fd file = create("f");
  for (const off_t length : {1L << 40, 1L << 50, 1L << 62, kLast}) {
    EXPECT_EQ(fallocate(file.get(), 0, 0, length), -1);
    EXPECT_TRUE(errno == ENOSPC || errno == EFBIG) << errno_name(errno);
    EXPECT_EQ(fallocate(file.get(), FALLOC_FL_ZERO_RANGE, 0, length), -1);
    EXPECT_TRUE(errno == ENOSPC || errno == EFBIG) << errno_name(errno);
  }
  struct stat info {};
  ASSERT_EQ(fstat(file.get(), &info), 0);
  EXPECT_EQ(info.st_blocks, 0);
  expect_small(before, 16);
}

TEST_P(Hostile, ScatteredWritesCostTheirPagesAlone) {
  const long before = resident();
  const Fd file = create("f");
  int written = 0;
  for (int bit = 0; bit < 62; ++bit) {
    written += pwrite(file.get(), "x", 1, 1L << bit) == 1 ? 1 : 0;
  }
  EXPECT_EQ(written, 62);
  struct stat info {};
  ASSERT_EQ(fstat(file.get(), &info), 0);
  EXPECT_LE(info.st_blocks, 62 * 8);
  char byte = 0;
  EXPECT_EQ(pread(file.get(), &byte, 1, 1L << 50), 1);
  EXPECT_EQ(byte, 'x');
  EXPECT_EQ(ftruncate(file.get(), 0), 0);
  expect_small(before, 8);
}

TEST_P(Hostile, AttributesWithoutEnd) {
  const long before = resident();
  create("f");
  const std::string value(60'000, 'v');
  int set = 0;
  std::string error = "none";
  for (int i = 0; i < 5000; ++i) {
    const std::string name = "user." + std::to_string(i);
    if (setxattr(at("f").c_str(), name.c_str(), value.data(), value.size(), 0) == 0) {
      ++set;
    } else {
      error = errno_name(errno);
      break;
    }
  }
  EXPECT_NE(error, "none") << "5000 attributes of 60 KB on one file";
  EXPECT_LT(set, 1100);
  std::string names(70'000, '\0');
  EXPECT_GE(listxattr(at("f").c_str(), names.data(), names.size()), 0);
  EXPECT_EQ(unlink(at("f").c_str()), 0);
  expect_small(before, 16);
}

TEST_P(Hostile, AttributesOnManyFiles) {
  const long before = resident();
  const std::string value(60'000, 'v');
  int set = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "f" + std::to_string(i);
    create(name);
    if (setxattr(at(name).c_str(), "user.x", value.data(), value.size(), 0) != 0) {
      EXPECT_EQ(errno_name(errno), "ENOSPC");
      break;
    }
    ++set;
  }
  EXPECT_LT(set, 1200)
      << "60 KB on each of 3000 files is more than the memory that the mount may use";
  for (const std::string& name : names_in(mount_.path())) {
    unlink(at(name).c_str());
  }
  expect_small(before, 32);
}

TEST_P(Hostile, NamesThatAreNotThere) {
  const long before = resident();
  for (int i = 0; i < (slowness() == 1 ? 50'000 : 5'000); ++i) {
    ASSERT_FALSE(exists(at("missing" + std::to_string(i))));
  }
  expect_small(before, 8);
}

TEST_P(Hostile, DirectoriesThatAreVeryDeep) {
  const long before = resident();
  Fd here(open(mount_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string name(200, 'd');
  int depth = 0;
  while (depth < 5000 && mkdirat(here.get(), name.c_str(), 0700) == 0) {
    here = Fd(openat(here.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ++depth;
  }
  EXPECT_EQ(depth, 5000);
  EXPECT_TRUE(Fd(openat(here.get(), "f", O_CREAT | O_RDWR | O_CLOEXEC, 0600)).valid());
  here.close();
  EXPECT_EQ(run({"rm", "-r", at(name)}).code, 0);
  expect_small(before, 32);
}

TEST_P(Hostile, InodesWithoutEnd) {
  const long before = resident();
  int made = 0;
  while (made < 30'000 && mknod(at(std::to_string(made)).c_str(), S_IFREG | 0600, 0) == 0) {
    ++made;
  }
  EXPECT_EQ(errno_name(errno), "ENOSPC");
  EXPECT_LE(made, 20'000);
  EXPECT_GT(made, 19'000);
  EXPECT_EQ(run({"find", mount_.path(), "-mindepth", "1", "-delete"}).code, 0);
  EXPECT_TRUE(names_in(mount_.path()).empty());
  expect_small(before, 48);
}

TEST_P(Hostile, HandlesWithoutEnd) {
  const long before = resident();
  make_file(at("f").c_str(), "x");
  check_in_child(Who{}, [&] {
    const rlimit many{.rlim_cur = 20'000, .rlim_max = 20'000};
    setrlimit(RLIMIT_NOFILE, &many);
    int opened = 0;
    while (open(at("f").c_str(), O_RDWR) >= 0) {
      ++opened;
    }
    EXPECT_TRUE(errno == EMFILE || errno == ENFILE) << errno_name(errno);
    EXPECT_GT(opened, 5'000);
  });  // its end closes them all
  EXPECT_EQ(bytes_of_file(at("f")), "x");
  expect_small(before, 32);
}

TEST_P(Hostile, DirectoryPositionsThatNobodyWasGiven) {
  ASSERT_EQ(mkdir(at("d").c_str(), 0700), 0);
  for (int i = 0; i < 100; ++i) {
    create("d/" + std::to_string(i));
  }
  const Fd directory(open(at("d").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::mt19937_64 random(1);
  char buffer[32'768];
  for (int i = 0; i < 2000; ++i) {
    const off_t position = static_cast<off_t>(random() >> (1 + i % 63));
    if (lseek(directory.get(), position, SEEK_SET) >= 0) {
      EXPECT_GE(syscall(SYS_getdents64, directory.get(), buffer, sizeof(buffer)), 0) << position;
    }
  }
  EXPECT_EQ(names_in(at("d")).size(), 100U);
}

TEST_P(Hostile, CallsThatAFileSystemNeedNotKnow) {
  const Fd file = create("f");
  int value = 0;
  EXPECT_EQ(ioctl(file.get(), 0x1234, &value), -1);
  EXPECT_EQ(errno_name(errno), "ENOTTY");
  EXPECT_EQ(mknod(at("odd").c_str(), 0150000, 0), -1);
  EXPECT_EQ(errno_name(errno), "EINVAL");
  EXPECT_EQ(fallocate(file.get(), 0x7000, 0, 1), -1);
  EXPECT_EQ(errno_name(errno), "EOPNOTSUPP");
  EXPECT_EQ(open(at("dir").c_str(), O_CREAT | O_DIRECTORY | O_RDWR, 0600), -1);
  EXPECT_TRUE(exists(mount_.path()));
}

TEST_P(Hostile, TheControlFileAnswersNonsenseWithErrors) {
  const std::string control = at(".scratchfs-control");
  EXPECT_TRUE(names_in(mount_.path()).empty()) << "it is never listed";
  EXPECT_NE(unlink(control.c_str()), 0);
  EXPECT_NE(rename(control.c_str(), at("x").c_str()), 0);
  EXPECT_NE(link(control.c_str(), at("y").c_str()), 0);
  EXPECT_NE(mkdir(control.c_str(), 0700), 0);
  make_file(at("f").c_str(), "x");
  EXPECT_NE(rename(at("f").c_str(), control.c_str()), 0);
  const long before = resident();
  check_in_child(as_user(kAlice), [&] {
    std::mt19937 random(7);
    for (int i = 0; i < 300; ++i) {
      const Fd file(open(control.c_str(), O_RDWR | O_CLOEXEC));
      std::string text = random_bytes(random() % 5000, static_cast<unsigned>(i));
      if (i % 3 == 0) {
        text = "{\"version\": " + std::to_string(random()) + ", \"request\": \"" +
               text.substr(0, 20) + "\"}";
      } else if (i % 3 == 1) {
        text = std::string(random() % 2000, '[');
      }
      static_cast<void>(write(file.get(), text.data(), text.size()));
      char answer[512];
      static_cast<void>(read(file.get(), answer, sizeof(answer)));
    }
    const Fd file(open(control.c_str(), O_RDWR | O_CLOEXEC));
    const std::string large(10 << 20, 'x');
    static_cast<void>(write(file.get(), large.data(), large.size()));
  });
  EXPECT_TRUE(status_of(mount_).contains("memory"));
  expect_small(before, 16);
}

TEST_P(Hostile, AUserSeesNoOneElsesRows) {
  check_in_child(as_user(kBob), [&] { make_file(at("bobs").c_str(), "x"); });
  const Finished finished =
      run({scratchfs_binary(), "status", mount_.path(), "--json"}, {.who = as_user(kAlice)});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.out.find(std::to_string(kBob)), std::string::npos) << finished.out;
}

TEST_P(Hostile, ProcessesThatAreKilledInTheMiddle) {
  for (int round = 0; round < 20; ++round) {
    Child child(as_user(kAlice), [&](Channel& channel) {
      channel.send("started");
      const std::string data(1 << 20, 'x');
      for (int i = 0;; ++i) {
        const Fd file(
            open(at("k" + std::to_string(i % 5)).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        static_cast<void>(write(file.get(), data.data(), data.size()));
        rename(at("k" + std::to_string(i % 5)).c_str(), at("k" + std::to_string(i % 3)).c_str());
      }
    });
    child.receive();
    usleep(static_cast<useconds_t>(500 * round));
    child.kill(SIGKILL);
    child.join();
  }
  const Usage charged = charged_to(mount_, kAlice);
  EXPECT_TRUE(eventually([&] { return charged_to(mount_, kAlice) == found_of(mount_, kAlice); }, 5))
      << charged.bytes << " " << charged.inodes;
}

}  // namespace
}  // namespace scratchfs::harness
