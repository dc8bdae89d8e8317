// Millions of replies from threads other than the one that took the request: none may get lost.
// $SCRATCHFS_REPLIES sets how many, for slow builds.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <vector>

#include "tests/mounted/harness/environment.h"
#include "tests/stress/tiny_fs.h"

namespace scratchfs::test {
namespace {

constexpr unsigned kClients = 12;
constexpr unsigned kWorkers = 3;
constexpr std::size_t kSize = 64;  // bytes per read or write

std::uint64_t replies_wanted(std::uint64_t usual) {
  const char* text = std::getenv("SCRATCHFS_REPLIES");
  return text == nullptr ? usual : std::min<std::uint64_t>(usual, std::strtoull(text, nullptr, 10));
}

// Clients that read, and now and then write, at changing places until all together have done
// enough.
class Clients {
 public:
  Clients(TinyMount& mount, std::uint64_t wanted) : wanted_(wanted) {
    for (unsigned i = 0; i < kClients; ++i) {
      threads_.emplace_back([this, i, path = mount.file()] { work(path, i); });
    }
  }

  // Aborts the mount if no client gets a reply for `patience`.
  void watch(TinyMount& mount, std::chrono::seconds patience) {
    std::uint64_t before = 0;
    auto since = std::chrono::steady_clock::now();
    base::Lock lock(mutex_);
    while (running_ > 0) {
      one_finished_.wait_for(mutex_, std::chrono::milliseconds(200));
      const std::uint64_t done = done_;
      const auto now = std::chrono::steady_clock::now();
      if (done != before) since = now;
      before = done;
      if (now - since < patience || stuck_) continue;
      stuck_ = true;
      mount.abort();
    }
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
  }

  std::uint64_t done() const { return done_; }
  std::uint64_t wrong() const { return wrong_; }
  bool stuck() const { return stuck_; }

 private:
  void work(const std::string& path, unsigned seed) {
    const int fd = open(path.c_str(), O_RDWR);
    if (fd < 0) ++wrong_;
    std::uint64_t state = seed + 1;
    while (fd >= 0 && done_.fetch_add(1, std::memory_order_relaxed) < wanted_) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      const std::uint64_t offset = (state >> 20U) % (kFileSize - kSize);
      if (!transfer(fd, offset, (state >> 60U) == 0)) {
        ++wrong_;
        break;
      }
    }
    if (fd >= 0) close(fd);
    const base::Lock lock(mutex_);
    --running_;
    one_finished_.notify_all();
  }

  static bool transfer(int fd, std::uint64_t offset, bool write) {
    std::array<std::byte, kSize> expected{};
    fill_pattern(expected, offset);
    const auto size = static_cast<ssize_t>(expected.size());
    const auto at = static_cast<off_t>(offset);
    if (write) return pwrite(fd, expected.data(), expected.size(), at) == size;
    std::array<std::byte, kSize> got{};
    return pread(fd, got.data(), got.size(), at) == size && got == expected;
  }

  const std::uint64_t wanted_;

  std::atomic<std::uint64_t> done_ = 0;
  std::atomic<std::uint64_t> wrong_ = 0;
  std::atomic<bool> stuck_ = false;
  base::Mutex mutex_;
  base::Condition one_finished_;
  unsigned running_ GUARDED_BY(mutex_) = kClients;
  std::vector<std::thread> threads_;
};

void expect_all_answered(kernel::IoUring io_uring, std::uint64_t wanted) {
  TinyMount mount(io_uring, kWorkers);
  ASSERT_EQ(mount.rings() > 0, io_uring == kernel::IoUring::on) << mount.end();
  const auto start = std::chrono::steady_clock::now();
  Clients clients(mount, wanted);
  clients.watch(mount, std::chrono::seconds(20));
  clients.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_FALSE(clients.stuck()) << "after " << mount.parked_total() << " replies";
  EXPECT_EQ(clients.wrong(), 0U);
  EXPECT_EQ(mount.wrong_writes(), 0U);
  EXPECT_GE(mount.parked_total(), wanted);
  std::cout << mount.parked_total() << " replies in " << took.count() << " s\n";
  mount.stop();
  EXPECT_EQ(mount.end(), "");
  EXPECT_EQ(mount.parked(), 0U);
}

TEST(OffThreadReplies, NoneIsLostOnRings) {
  harness::allow_seconds(800);  // on a busy machine
  const RingsEnabled rings;
  if (!rings.available()) GTEST_SKIP() << "this kernel has no FUSE over io_uring";
  expect_all_answered(kernel::IoUring::on, replies_wanted(10'000'000));
}

TEST(OffThreadReplies, NoneIsLostOnDevFuse) {
  harness::allow_seconds(800);  // on a busy machine
  expect_all_answered(kernel::IoUring::off, replies_wanted(500'000));
}

}  // namespace
}  // namespace scratchfs::test
