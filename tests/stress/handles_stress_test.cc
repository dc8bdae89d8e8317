// Many threads that open, write, unlink and close concurrently.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cerrno>
#include <thread>
#include <vector>

#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

class HandlesStress : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { allow_seconds(90); }
  Mount mount_{"memory=64M", GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, HandlesStress,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(HandlesStress, TwoHundredThreadsOpenUnlinkWriteClose) {
  constexpr int kThreads = 200;
  const int rounds = slowness() == 1 ? 60 : 15;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const std::string data = random_bytes(20'000, static_cast<unsigned>(i));
      std::string back(data.size(), '\0');
      for (int round = 0; round < rounds; ++round) {
        const std::string path =
            mount_ / ("t" + std::to_string(i) + "." + std::to_string(round % 3));
        const Fd file(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
        const bool early = round % 2 == 0;
        bool good = file.valid() && (!early || unlink(path.c_str()) == 0);
        good = good &&
               write(file.get(), data.data(), data.size()) == static_cast<ssize_t>(data.size());
        good = good &&
               pread(file.get(), back.data(), back.size(), 0) == static_cast<ssize_t>(back.size());
        good = good && back == data && (early || unlink(path.c_str()) == 0);
        failures += good ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(names_in(mount_.path()).empty());
  EXPECT_TRUE(eventually([&] { return charged_to(mount_, 0) == Usage{}; }, 5))
      << charged_to(mount_, 0).bytes;
}

TEST_P(HandlesStress, TwoHundredThreadsCloseLooseFiles) {
  constexpr int kThreads = 200;
  const int rounds = slowness() == 1 ? 40 : 10;
  std::atomic<int> sightings = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const std::string path = mount_ / ("loose" + std::to_string(i));
      for (int round = 0; round < rounds; ++round) {
        Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        EXPECT_EQ(write(file.get(), "x", 1), 1);
        file.close();
        sightings += exists(path) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(sightings, 0);
}

TEST_P(HandlesStress, TwoThousandThreadsOpenAtOnce) {
  const int count = slowness() == 1 ? 2000 : 500;
  const rlimit many{.rlim_cur = 20'000, .rlim_max = 20'000};
  setrlimit(RLIMIT_NOFILE, &many);
  std::barrier start(count);
  std::barrier opened(count);
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      const std::string text = std::to_string(i);
      const Fd shared(
          open((mount_ / "shared").c_str(), O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600));
      const Fd own(open((mount_ / text).c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
      bool good = shared.valid() && own.valid();
      good = good && write(shared.get(), "x", 1) == 1;
      good =
          good && write(own.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
      opened.arrive_and_wait();
      char back[16] = {};
      good = good && pread(own.get(), back, sizeof(back), 0) == static_cast<ssize_t>(text.size()) &&
             text == back;
      struct stat info {};
      good = good && fstat(shared.get(), &info) == 0 && info.st_size == count;
      good = good && unlink((mount_ / text).c_str()) == 0;
      failures += good ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(names_in(mount_.path()).empty());
}

}  // namespace
}  // namespace scratchfs::harness
