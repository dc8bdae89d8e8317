// Every way in which a mount ends, with 100 reads parked: serve() returns, each read is answered,
// and nothing is left behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fs/mounts/own_mount.h"
#include "tests/stress/tiny_fs.h"

namespace scratchfs::test {
namespace {

constexpr unsigned kReads = 100;

// Threads that each read once and close.
class Readers {
 public:
  explicit Readers(TinyMount& mount) {
    for (unsigned i = 0; i < kReads; ++i) {
      const int fd = open(mount.file().c_str(), O_RDONLY);
      if (fd < 0) {
        ++errors_;
        continue;
      }
      threads_.emplace_back([this, fd, i] { read_once(fd, i); });
    }
  }
  ~Readers() { join(); }
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  unsigned right() const { return right_; }
  unsigned wrong() const { return wrong_; }
  unsigned errors() const { return errors_; }

 private:
  void read_once(int fd, unsigned number) {
    std::array<std::byte, 512> got{};
    std::array<std::byte, 512> expected{};
    const std::uint64_t offset = number * 512U;
    fill_pattern(expected, offset);
    const ssize_t size = pread(fd, got.data(), got.size(), static_cast<off_t>(offset));
    if (size < 0)
      ++errors_;
    else if (got == expected)
      ++right_;
    else
      ++wrong_;
    close(fd);
  }

  std::atomic<unsigned> right_ = 0;
  std::atomic<unsigned> wrong_ = 0;
  std::atomic<unsigned> errors_ = 0;
  std::vector<std::thread> threads_;
};

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

bool is_mounted(const std::string& directory) {
  return mounts::topmost_at(mounts::read_mount_table(), directory) != nullptr;
}

class Ending : public testing::TestWithParam<kernel::IoUring> {
 protected:
  void SetUp() override {
    if (!rings_.available()) GTEST_SKIP() << "this kernel has no FUSE over io_uring";
    before_ = open_descriptors();
  }

  // Mounts with deep rings, so that all reads reach the daemon.
  void mount(unsigned workers) {
    mount_ = std::make_unique<TinyMount>(GetParam(), workers, 2 * kReads);
    ASSERT_EQ(mount_->rings() > 0, GetParam() == kernel::IoUring::on);
    mount_->gate().close();
  }
  // Waits until all reads are parked and as many workers as there are wait at the gate.
  void await_parked(unsigned workers) {
    mount_->gate().await(std::min(workers, kReads));
    while (mount_->parked() < kReads) std::this_thread::yield();
  }
  void expect_nothing_left() {
    const std::string directory = mount_->directory();
    EXPECT_EQ(mount_->parked(), 0U);
    EXPECT_FALSE(is_mounted(directory));
    mount_.reset();
    EXPECT_FALSE(std::filesystem::exists(directory));
    EXPECT_EQ(open_descriptors(), before_);
  }

  RingsEnabled rings_;
  std::ptrdiff_t before_ = 0;
  std::unique_ptr<TinyMount> mount_;
};

TEST_P(Ending, AnAbortedConnectionEndsItAndTheReadsFail) {
  mount(kReads);
  Readers readers(*mount_);
  await_parked(kReads);
  const int fd = open(mount_->file().c_str(), O_RDONLY);
  mount_->abort();
  readers.join();
  EXPECT_EQ(readers.errors(), kReads);
  mount_->gate().open();
  EXPECT_EQ(mount_->end(), "the connection to the kernel was aborted");
  close(fd);
  expect_nothing_left();
}

TEST_P(Ending, WhatNoWorkerHasTakenYetIsRefused) {
  mount(4);
  Readers readers(*mount_);
  await_parked(4);
  mount_->abort();
  readers.join();
  mount_->gate().open();
  mount_->end();
  expect_nothing_left();
}

TEST_P(Ending, StopAnswersWhatIsParkedWhileTheMountIsBusy) {
  mount(4);
  Readers readers(*mount_);
  await_parked(4);
  mount_->stop();
  mount_->gate().open();
  EXPECT_EQ(mount_->end(), "");
  readers.join();
  EXPECT_EQ(readers.wrong(), 0U);
  EXPECT_EQ(readers.right() + readers.errors(), kReads);
  expect_nothing_left();
}

TEST_P(Ending, ALazyUnmountLetsTheReadsFinish) {
  mount(kReads);
  Readers readers(*mount_);
  await_parked(kReads);
  ASSERT_EQ(umount2(mount_->directory().c_str(), MNT_DETACH), 0);
  mount_->gate().open();
  EXPECT_EQ(mount_->end(), "");
  readers.join();
  EXPECT_EQ(readers.right(), kReads);
  expect_nothing_left();
}

TEST_P(Ending, UnmountingWaitsForTheReads) {
  mount(kReads);
  Readers readers(*mount_);
  await_parked(kReads);
  EXPECT_EQ(umount2(mount_->directory().c_str(), 0), -1);
  EXPECT_EQ(errno, EBUSY);
  mount_->gate().open();
  readers.join();
  EXPECT_EQ(readers.right(), kReads);
  while (umount2(mount_->directory().c_str(), 0) != 0) {
    ASSERT_EQ(errno, EBUSY);  // the last RELEASE is sent without waiting
    std::this_thread::yield();
  }
  EXPECT_EQ(mount_->end(), "");
  expect_nothing_left();
}

TEST_P(Ending, FusermountEndsIt) {
  mount(kReads);
  Readers readers(*mount_);
  await_parked(kReads);
  mount_->gate().open();
  readers.join();
  const std::string command = "fusermount3 -u -z " + mount_->directory();
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(mount_->end(), "");
  expect_nothing_left();
}

TEST_P(Ending, WhatIsMountedOverItIsLeftAlone) {
  mount(1);
  ASSERT_EQ(::mount("over", mount_->directory().c_str(), "tmpfs", 0, nullptr), 0);
  mount_->stop();
  EXPECT_EQ(mount_->end(), "");
  EXPECT_TRUE(is_mounted(mount_->directory()));
  ASSERT_EQ(umount2(mount_->directory().c_str(), 0), 0);
  umount2(mount_->directory().c_str(), MNT_DETACH);  // the mount beneath
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(On, Ending, testing::Values(kernel::IoUring::on, kernel::IoUring::off),
                         [](const auto& param_info) {
                           return param_info.param == kernel::IoUring::on ? "Rings" : "DevFuse";
                         });

}  // namespace
}  // namespace scratchfs::test
