// A worker that has answered a request and then waits for a disk must not hold up requests that
// have nothing to do with it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>

#include "tests/stress/tiny_fs.h"

namespace scratchfs::test {
namespace {

constexpr std::uint64_t kSlowPlace = 1U << 20;

// Waits as for a disk: not even a signal gets the thread out before `fd` can be read.
void wait_uninterruptibly(int fd) {
  if (vfork() == 0) {
    char byte = 0;
    _exit(read(fd, &byte, 1) == 1 ? 0 : 1);
  }
}

void read_at(int fd, std::uint64_t offset) {
  std::byte buffer[64];
  EXPECT_EQ(pread(fd, buffer, sizeof buffer, static_cast<off_t>(offset)),
            static_cast<ssize_t>(sizeof buffer));
}

// All requests of one ring, so that they have its entries in common.
void stay_on_first_cpu(cpu_set_t* before) {
  sched_getaffinity(0, sizeof *before, before);
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);
}

TEST(BusyWorker, HoldsUpNoOtherRequestOfItsRing) {
  const RingsEnabled rings;
  if (!rings.available()) GTEST_SKIP() << "this kernel has no FUSE over io_uring";
  int disk[2];
  ASSERT_EQ(pipe2(disk, O_CLOEXEC), 0);
  std::atomic<bool> worker_waits = false;
  TinyMount mount(kernel::IoUring::on, 1, 32, [&](std::uint64_t offset) {
    if (offset != kSlowPlace) return;
    worker_waits = true;
    wait_uninterruptibly(disk[0]);
  });
  cpu_set_t before;
  stay_on_first_cpu(&before);
  const int fd = open(mount.file().c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  mount.gate().close();
  std::thread quick([fd] { read_at(fd, 0); });
  mount.gate().await(1);
  std::atomic<bool> slow_answered = false;
  std::thread slow([&] {
    read_at(fd, kSlowPlace);
    slow_answered = true;
  });
  while (mount.parked() < 2) std::this_thread::yield();
  mount.gate().open();
  quick.join();
  while (!worker_waits) std::this_thread::yield();

  // Lets the worker go where the requests below would wait for it.
  std::atomic<bool> answered = false;
  std::thread rescue([&] {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!answered && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(write(disk[1], "x", 1), 1);
  });
  struct stat stat {};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(fstat(fd, &stat), 0);
  EXPECT_FALSE(slow_answered) << "they waited for the worker";
  answered = true;

  rescue.join();
  slow.join();
  close(fd);
  close(disk[0]);
  close(disk[1]);
  sched_setaffinity(0, sizeof before, &before);
}

}  // namespace
}  // namespace scratchfs::test
