// A worker that has answered a request and then waits for a disk must not hold up unrelated
// requests.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "tests/stress/tiny_fs.h"

namespace scratchfs::test {
namespace {

constexpr std::uint64_t kSlowPlace = 1U << 20;

// Simulates a stuck disk: a waiting thread does not wake before let_go(), not even for a signal.
class Disk {
 public:
  Disk() {
    std::string name = "/tmp/scratchfs-disk-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    fifo_ = directory_ + "/fifo";
    EXPECT_EQ(mkfifo(fifo_.c_str(), 0600), 0);
  }
  ~Disk() {
    unlink(fifo_.c_str());
    rmdir(directory_.c_str());
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // Waits, as vfork(2) does, for a child that blocks opening the fifo before it runs anything.
  void wait() const {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, fifo_.c_str(), O_RDONLY, 0);
    char name[] = "true";
    char* const arguments[] = {name, nullptr};
    pid_t pid = 0;
    EXPECT_EQ(posix_spawnp(&pid, name, &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    waitpid(pid, nullptr, 0);
  }
  void let_go() const { close(open(fifo_.c_str(), O_WRONLY | O_CLOEXEC)); }

 private:
  std::string directory_;
  std::string fifo_;
};

void read_at(int fd, std::uint64_t offset) {
  std::byte buffer[64];
  EXPECT_EQ(pread(fd, buffer, sizeof buffer, static_cast<off_t>(offset)),
            static_cast<ssize_t>(sizeof buffer));
}

// Pins the thread to one CPU, so that all its requests share one ring's entries.
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
  const Disk disk;
  std::atomic<bool> worker_waits = false;
  TinyMount mount(kernel::IoUring::on, 1, 32, [&](std::uint64_t offset) {
    if (offset != kSlowPlace) return;
    worker_waits = true;
    disk.wait();
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

  // Releases the worker if the requests below wait for it.
  std::atomic<bool> answered = false;
  std::thread rescue([&] {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!answered && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    disk.let_go();
  });
  struct stat stat {};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(fstat(fd, &stat), 0);
  EXPECT_FALSE(slow_answered) << "they waited for the worker";
  answered = true;

  rescue.join();
  slow.join();
  close(fd);
  sched_setaffinity(0, sizeof before, &before);
}

}  // namespace
}  // namespace scratchfs::test
