// Threads that create, move, link, list and remove the same few names concurrently; in the end the
// counts must be consistent.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

constexpr int kThreads = 16;
constexpr int kDirectories = 4;
constexpr int kNamesInEach = 12;

// Returns whether losing a race explains the error; any other error is a bug.
bool is_a_lost_race(int error) {
  static const std::set<int> lost = {
      ENOENT, EEXIST, ENOTEMPTY, ENOTDIR, EISDIR, EINVAL,
      EBUSY,  ESTALE, ELOOP,     ENXIO,   EPERM};  // link(2) of a name that has become a directory
  return lost.contains(error);
}

class NamesStress : public testing::TestWithParam<std::tuple<Transport, const char*>> {
 protected:
  void SetUp() override { allow_seconds(90); }
  Mount mount_{std::string("memory=32M,create_mode=posix,lifetime=") + std::get<1>(GetParam()),
               std::get<0>(GetParam())};

  std::string random_path(std::mt19937& random) const {
    return mount_ / ("d" + std::to_string(random() % kDirectories) + "/n" +
                     std::to_string(random() % kNamesInEach));
  }

  // Makes one random call; returns its result, 0 or -1.
  int act(std::mt19937& random) const {
    const std::string one = random_path(random);
    const std::string two = random_path(random);
    struct stat info {};
    switch (random() % 14) {
      case 0:
      case 1: {
        const Fd file(open(one.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        return file.valid() ? static_cast<int>(std::min<ssize_t>(write(file.get(), "x", 1), 0))
                            : -1;
      }
      case 2:
        return Fd(open(one.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600)).valid() ? 0 : -1;
      case 3:
        return unlink(one.c_str());
      case 4:
        return mkdir(one.c_str(), 0700);
      case 5:
        return rmdir(one.c_str());
      case 6:
        return rename(one.c_str(), two.c_str());
      case 7:
        return renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, two.c_str(), RENAME_NOREPLACE);
      case 8:
        return renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, two.c_str(), RENAME_EXCHANGE);
      case 9:
        return link(one.c_str(), two.c_str());
      case 10:
        return symlink("anywhere", one.c_str());
      case 11:
        return lstat(one.c_str(), &info);
      case 12:
        return rename(one.c_str(), (two + "/in").c_str());
      default:
        return list(mount_ / ("d" + std::to_string(random() % kDirectories)));
    }
  }

  static int list(const std::string& path) {
    DIR* stream = opendir(path.c_str());
    if (stream == nullptr) {
      return -1;
    }
    while (readdir(stream) != nullptr) {
    }
    return closedir(stream);
  }
};
INSTANTIATE_TEST_SUITE_P(All, NamesStress,
                         testing::Combine(testing::Values(Transport::dev_fuse, Transport::io_uring),
                                          testing::Values("mount", "claimed", "strict")),
                         [](const auto& test) {
                           return name_of(std::get<0>(test.param)) + "_" + std::get<1>(test.param);
                         });

TEST_P(NamesStress, RacesLeaveAConsistentTree) {
  for (int i = 0; i < kDirectories; ++i) {
    ASSERT_EQ(mkdir((mount_ / ("d" + std::to_string(i))).c_str(), 0700), 0);
  }
  std::atomic<long> calls = 0;
  std::atomic<int> unexpected = 0;
  const auto end = std::chrono::steady_clock::now() + kWhile;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      while (std::chrono::steady_clock::now() < end) {
        ++calls;
        if (act(random) != 0 && !is_a_lost_race(errno) && ++unexpected < 10) {
          ADD_FAILURE() << "unexpected: " << errno_name(errno);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(unexpected, 0);
  EXPECT_GT(calls, 1000);
  EXPECT_TRUE(eventually([&] { return charged_to(mount_, 0) == found_of(mount_, 0); }, 5))
      << charged_to(mount_, 0).inodes << " inodes are charged, " << found_of(mount_, 0).inodes
      << " are there";
  // A directory has one link per subdirectory plus two.
  for (const std::string& name : names_in(mount_.path())) {
    struct stat info {};
    ASSERT_EQ(stat((mount_ / name).c_str(), &info), 0);
    nlink_t links = 2;
    for (const std::string& below : names_in(mount_ / name)) {
      struct stat child {};
      ASSERT_EQ(lstat((mount_ / name + "/" + below).c_str(), &child), 0)
          << "listed, but not there: " << below;
      links += S_ISDIR(child.st_mode) ? 1 : 0;
    }
    EXPECT_EQ(info.st_nlink, links) << name;
  }
  EXPECT_EQ(run({"rm", "-rf", mount_ / "d0", mount_ / "d1", mount_ / "d2", mount_ / "d3"}).code, 0);
  EXPECT_EQ(charged_to(mount_, 0), Usage{});
}

// The kernel forgets inodes while other threads look them up again.
TEST_P(NamesStress, LookupsRaceWithForgetting) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(mkdir((mount_ / std::to_string(i)).c_str(), 0700), 0);
  }
  std::atomic<bool> stop = false;
  std::thread dropper([&] {
    while (!stop) {
      const Fd caches(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
      EXPECT_EQ(write(caches.get(), "2", 1), 1);
    }
  });
  std::vector<std::thread> lookers;
  for (unsigned i = 0; i < 4; ++i) {
    lookers.emplace_back([&, i] {
      std::mt19937 random(i);
      const auto end = std::chrono::steady_clock::now() + kWhile / 2;
      int missing = 0;
      while (std::chrono::steady_clock::now() < end) {
        missing += exists(mount_ / std::to_string(random() % 200)) ? 0 : 1;
      }
      EXPECT_EQ(missing, 0);
    });
  }
  for (std::thread& looker : lookers) {
    looker.join();
  }
  stop = true;
  dropper.join();
}

}  // namespace
}  // namespace scratchfs::harness
