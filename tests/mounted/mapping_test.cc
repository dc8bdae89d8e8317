// Stores through mappings, and their agreement with reads and writes, on every kernel and within
// every limit.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/preload.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

class Mapping {
 public:
  Mapping(const Fd& file, std::size_t length, int protection = PROT_READ | PROT_WRITE)
      : length_(length),
        memory_(mmap(nullptr, length, protection, MAP_SHARED, file.get(), 0)),
        error_(memory_ == MAP_FAILED ? errno : 0) {}
  ~Mapping() { end(); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::string result() const { return error_ == 0 ? "mapped" : errno_name(error_); }
  char* bytes() const { return static_cast<char*>(memory_); }
  void fill(char with) const { std::memset(memory_, with, length_); }
  int sync() const { return msync(memory_, length_, MS_SYNC); }
  void end() {
    if (memory_ != MAP_FAILED) munmap(memory_, length_);
    memory_ = MAP_FAILED;
  }

 private:
  std::size_t length_;
  void* memory_;
  int error_;
};

Fd create(const std::string& path, std::size_t size) {
  Fd file(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  EXPECT_TRUE(file.valid()) << path << ": " << errno_name(errno);
  EXPECT_EQ(ftruncate(file.get(), static_cast<off_t>(size)), 0) << errno_name(errno);
  return file;
}

// A kernel that does not map files whose handles bypass the page cache, as all before 6.6.
class OnAnOlderKernel : public testing::TestWithParam<Transport> {
 protected:
  OnAnOlderKernel() { mount_.tolerate("debug: "); }
  Mount mount_{MountSettings{.options = "memory=64M,log_level=debug",
                             .transport = GetParam(),
                             .environment = {preload("older_kernel")}}};
};
INSTANTIATE_TEST_SUITE_P(Both, OnAnOlderKernel,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

// Verifies that the preloaded library works; otherwise the other tests here prove nothing.
TEST_P(OnAnOlderKernel, WritesGoThroughThePageCache) {
  EXPECT_NE(mount_.log().find("all writes go through the page cache"), std::string::npos)
      << mount_.log();
}

TEST_P(OnAnOlderKernel, ANewFileCanBeMapped) {
  const Fd file = create(mount_ / "new", 16 * kPage);
  {
    const Mapping map(file, 16 * kPage);
    ASSERT_EQ(map.result(), "mapped");
    std::memcpy(map.bytes() + 3 * kPage, "stored", 6);
  }
  char text[6] = {};
  EXPECT_EQ(pread(file.get(), text, 6, 3 * kPage), 6);
  EXPECT_EQ(std::string(text, 6), "stored");
}

TEST_P(OnAnOlderKernel, AFileThatIsBeingWrittenCanBeMappedForReading) {
  const Fd writer = create(mount_ / "log", 4 * kPage);
  const Fd reader(open((mount_ / "log").c_str(), O_RDONLY | O_CLOEXEC));
  const Mapping map(reader, 4 * kPage, PROT_READ);
  ASSERT_EQ(map.result(), "mapped");
  for (int round = 0; round < 50; ++round) {
    const std::string text = "line " + std::to_string(round);
    const std::size_t at = static_cast<std::size_t>(round) * 97;
    ASSERT_EQ(pwrite(writer.get(), text.data(), text.size(), static_cast<off_t>(at)),
              static_cast<ssize_t>(text.size()));
    ASSERT_EQ(std::string(map.bytes() + at, text.size()), text);
  }
}

TEST_P(OnAnOlderKernel, ALargeFileCanBeMapped) {
  constexpr std::size_t kLarge = 128 * kMiB;
  EXPECT_EQ(pwrite(create(mount_ / "large", kLarge).get(), "end", 3, kLarge - 3), 3);
  const Fd reader(open((mount_ / "large").c_str(), O_RDONLY | O_CLOEXEC));
  const Mapping map(reader, kLarge, PROT_READ);
  ASSERT_EQ(map.result(), "mapped");
  EXPECT_EQ(std::string(map.bytes() + kLarge - 3, 3), "end");
}

class Mapped : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"memory=64M", GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, Mapped, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

// A page fault during a write must not leave the replaced page in the cache.
TEST_P(Mapped, AMappingThatIsReadDuringWritesNeverKeepsAnOldPage) {
  constexpr std::size_t kSize = kMiB;
  const Fd file = create(mount_ / "polled", kSize);
  const Mapping map(file, kSize, PROT_READ);
  ASSERT_EQ(map.result(), "mapped");
  std::atomic<bool> over = false;
  std::thread poller([&] {
    volatile std::uint64_t sum = 0;
    for (std::size_t page = 0; !over; page = (page + 7) % (kSize / kPage))
      sum = sum + *reinterpret_cast<volatile std::uint64_t*>(map.bytes() + page * kPage);
  });
  const int rounds = slowness() == 1 ? 1000 : 200;
  int stale = 0;
  std::string data(kSize, '\0');
  for (int round = 1; round <= rounds && stale == 0; ++round) {
    std::memset(data.data(), round, kSize);
    ASSERT_EQ(pwrite(file.get(), data.data(), kSize, 0), static_cast<ssize_t>(kSize));
    for (std::size_t page = 0; page < kSize / kPage; ++page)
      stale += map.bytes()[page * kPage] == data[0] ? 0 : 1;
  }
  over = true;
  poller.join();
  EXPECT_EQ(stale, 0) << "pages of " << kSize / kPage;
}

// Stores that exceed the quota of the file's owner.
class StoresBeyondTheQuota : public testing::TestWithParam<Transport> {
 protected:
  static constexpr std::size_t kQuota = 2 * kMiB;
  static constexpr std::size_t kSize = 8 * kMiB;
  Mount mount_{
      "memory=64M,lifetime=mount,create_mode=posix,user_quota=" + std::to_string(kAlice) + ":2M",
      GetParam()};
  void as_alice(const std::function<void(Fd file)>& body) const {
    check_in_child(as_user(kAlice), [&] { body(create(mount_ / "file", kSize)); });
  }
};
INSTANTIATE_TEST_SUITE_P(Both, StoresBeyondTheQuota,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(StoresBeyondTheQuota, CloseTellsOfThem) {
  as_alice([&](Fd file) {
    Mapping(file, kSize).fill('x');
    EXPECT_EQ(outcome(file.close()), "EDQUOT");
  });
}

TEST_P(StoresBeyondTheQuota, FsyncTellsEachHandleOnce) {
  as_alice([&](Fd file) {
    Fd other(open((mount_ / "file").c_str(), O_RDWR | O_CLOEXEC));
    Mapping(file, kSize).fill('x');
    EXPECT_EQ(outcome(fsync(file.get())), "EDQUOT");
    EXPECT_EQ(outcome(fsync(file.get())), "0");
    EXPECT_EQ(outcome(fsync(other.get())), "EDQUOT");
    EXPECT_EQ(outcome(file.close()), "0");
    EXPECT_EQ(outcome(other.close()), "0");
  });
}

TEST_P(StoresBeyondTheQuota, MsyncTellsOfThem) {
  as_alice([&](Fd file) {
    const Mapping map(file, kSize);
    map.fill('x');
    EXPECT_EQ(outcome(map.sync()), "EDQUOT");
  });
}

TEST_P(StoresBeyondTheQuota, WhatFitsIsKeptAndSoIsWhatExists) {
  as_alice([&](Fd file) {
    // Its pages exist, behind holes that will not all fit.
    const std::string data(kMiB, 'a');
    ASSERT_EQ(pwrite(file.get(), data.data(), kMiB, kSize - kMiB), static_cast<ssize_t>(kMiB));
    Mapping(file, kSize).fill('x');
    EXPECT_EQ(outcome(fsync(file.get())), "EDQUOT");
    EXPECT_EQ(charged_to(mount_, kAlice).bytes, kQuota);
    std::string tail(kMiB, '\0');
    const Fd again(open((mount_ / "file").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(pread(again.get(), tail.data(), kMiB, kSize - kMiB), static_cast<ssize_t>(kMiB));
    EXPECT_TRUE(tail == std::string(kMiB, 'x'));
  });
}

TEST_P(StoresBeyondTheQuota, AMountThatIsFullTellsOfItAsWell) {
  const Mount full("memory=32M,spill=0,lifetime=mount", GetParam());
  const Fd file = create(full / "file", 64 * kMiB);
  Mapping(file, 64 * kMiB).fill('x');
  EXPECT_EQ(outcome(fsync(file.get())), "ENOSPC");
}

}  // namespace
}  // namespace scratchfs::harness
