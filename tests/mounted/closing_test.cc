// A name is never visible after close: once close() of the last handle has returned, it is not
// found again.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

// Returns the number of rounds; $SCRATCHFS_ROUNDS overrides it. Strict mode gets fewer: it differs
// in who may hold a name, not in how a closing one is hidden.
int rounds_in(std::string_view lifetime) {
  if (const char* text = std::getenv("SCRATCHFS_ROUNDS")) return std::atoi(text);
  const int many = slowness() == 1 ? 20'000 : 4'000;
  return lifetime == "strict" ? many / 4 : many;
}

// On a busy machine each handshake takes milliseconds.
std::chrono::seconds longest_of_two_cores() {
  return std::chrono::seconds(std::getenv("SCRATCHFS_ROUNDS") != nullptr ? 600 : 60);
}

constexpr const char* kWays[] = {"stat", "open", "exclusive creation", "readdir"};

// Looks for the name in one of kWays; returns whether it was seen.
bool sighted(const std::string& directory, const std::string& name, int way) {
  const std::string path = directory + "/" + name;
  switch (way % 4) {
    case 0: {
      struct stat info {};
      return stat(path.c_str(), &info) == 0;
    }
    case 1:
      return Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)).valid();
    case 2: {
      // EEXIST is a sighting. A file created here is claimed, so it must be unlinked.
      const bool created =
          Fd(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600)).valid();
      unlink(path.c_str());
      return !created;
    }
    default: {
      bool seen = false;
      DIR* stream = opendir(directory.c_str());
      while (const dirent* entry = readdir(stream)) {
        seen = seen || name == entry->d_name;
      }
      closedir(stream);
      return seen;
    }
  }
}

void create_and_close(const std::string& path, int round) {
  const Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) {
    ADD_FAILURE() << path << ": " << errno_name(errno);
  } else if (round % 2 == 0 && write(file.get(), "x", 1) != 1) {
    ADD_FAILURE() << "write " << path << ": " << errno_name(errno);
  }
}

std::string name_for(int round) { return "closing" + std::to_string(round % 7); }

class Closing : public testing::TestWithParam<std::tuple<Transport, const char*>> {
 protected:
  int rounds() const { return rounds_in(std::get<1>(GetParam())); }
  // Looks once, and reports a name that should not be visible.
  int look(int round) const {
    if (!sighted(mount_.path(), name_for(round), round)) {
      return 0;
    }
    ADD_FAILURE() << "round " << round << ": seen by " << kWays[round % 4];
    return 1;
  }
  Mount mount_{std::string("memory=64M,lifetime=") + std::get<1>(GetParam()),
               std::get<0>(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(All, Closing,
                         testing::Combine(testing::Values(Transport::dev_fuse, Transport::io_uring),
                                          testing::Values("claimed", "strict")),
                         [](const auto& test) {
                           return name_of(std::get<0>(test.param)) + "_" + std::get<1>(test.param);
                         });

TEST_P(Closing, OneThreadNeverSeesTheNameItClosed) {
  allow_seconds(60 + static_cast<unsigned>(longest_of_two_cores().count()));
  int sightings = 0;
  for (int round = 0; round < rounds(); ++round) {
    create_and_close(mount_ / name_for(round), round);
    sightings += look(round);
  }
  EXPECT_EQ(sightings, 0) << "of " << rounds();
}

// Lets two threads take turns until one of them stops both.
class Turns {
 public:
  // Returns false if stopped.
  bool await(int turn) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return turn_ == turn || turn_ == kStopped; });
    return turn_ == turn;
  }
  void pass_to(int turn) {
    {
      const std::lock_guard lock(mutex_);
      turn_ = turn;
    }
    changed_.notify_one();
  }
  void stop() { pass_to(kStopped); }

 private:
  static constexpr int kStopped = -1;
  // Not std::atomic::wait(): both threads have once been seen asleep in it.
  std::mutex mutex_;
  std::condition_variable changed_;
  int turn_ = 0;
};

// One thread closes on its core, then the other looks on its own.
TEST_P(Closing, AnotherCoreNeverSeesTheNameThatWasClosed) {
  ASSERT_GE(cpu_count(), 2) << "this test needs two cores";
  allow_seconds(60 + static_cast<unsigned>(longest_of_two_cores().count()));
  Turns turns;
  std::thread closer([&] {
    pin_to_cpu(0);
    for (int round = 0; turns.await(2 * round); ++round) {
      create_and_close(mount_ / name_for(round), round);
      turns.pass_to(2 * round + 1);
    }
  });
  const auto end = std::chrono::steady_clock::now() + longest_of_two_cores();
  int sightings = 0;
  int round = 0;
  std::thread looker([&] {
    pin_to_cpu(1);
    for (; round < rounds() && sightings < 10 && std::chrono::steady_clock::now() < end; ++round) {
      turns.await(2 * round + 1);
      sightings += look(round);
      turns.pass_to(2 * round + 2);
    }
    turns.stop();
  });
  closer.join();
  looker.join();
  EXPECT_EQ(sightings, 0) << "of " << round;
  EXPECT_GT(round, 500) << "too few to say anything";
}

// A process's close counts only if it is the last one. A duplicate elsewhere must not make anyone
// wait longer than finding that out takes; the test fails at half a second.
TEST_P(Closing, ADuplicateThatLivesOnKeepsTheNameVisible) {
  std::vector<std::chrono::steady_clock::duration> waits;
  for (int round = 0; round < 5; ++round) {
    Fd file(open((mount_ / "dup").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    Fd copy(dup(file.get()));
    file.close();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(sighted(mount_.path(), "dup", 0));
    waits.push_back(std::chrono::steady_clock::now() - start);
    EXPECT_TRUE(sighted(mount_.path(), "dup", 1));
    EXPECT_TRUE(sighted(mount_.path(), "dup", 3));
    copy.close();
    EXPECT_FALSE(sighted(mount_.path(), "dup", 0));
  }
  std::ranges::sort(waits);
  EXPECT_LT(waits[waits.size() / 2], std::chrono::milliseconds(400));
}

TEST_P(Closing, TheNameIsFreeForTheNextExclusiveCreationAtOnce) {
  const std::string path = mount_ / "again";
  int failures = 0;
  for (int round = 0; round < rounds() / 4; ++round) {
    create_and_close(path, round);
    const Fd file(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    failures += file.valid() ? 0 : 1;
    unlink(path.c_str());
  }
  EXPECT_EQ(failures, 0);
}

// A rename, a link or an rmdir must not find a name that is about to be deleted.
TEST_P(Closing, OtherCallsDoNotMeetTheNameEither) {
  int met = 0;
  for (int round = 0; round < rounds() / 10; ++round) {
    create_and_close(mount_ / "old", round);
    met += link((mount_ / "old").c_str(), (mount_ / "new").c_str()) == 0 ? 1 : 0;
    create_and_close(mount_ / "old", round);
    met += rename((mount_ / "old").c_str(), (mount_ / "new").c_str()) == 0 ? 1 : 0;
    create_and_close(mount_ / "old", round);
    met += unlink((mount_ / "old").c_str()) == 0 ? 1 : 0;
    create_and_close(mount_ / "old", round);
    met += mkdir((mount_ / "old").c_str(), 0700) != 0 ? 1 : 0;
    rmdir((mount_ / "old").c_str());
  }
  EXPECT_EQ(met, 0);
}

std::string holders_of(const std::string& path) {
  char text[4096];
  const ssize_t got = getxattr(path.c_str(), "system.scratchfs.lifetime", text, sizeof text);
  return got < 0 ? errno_name(errno) : std::string(text, static_cast<std::size_t>(got));
}

class ClosingAfterTheSession : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"memory=64M", GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, ClosingAfterTheSession,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

// A handle opened while a session holds its file needs no FLUSH at that time. Once the session has
// ended, its close must hide the name at once all the same.
TEST_P(ClosingAfterTheSession, AHandleThatWasOpenedBeforeItsEndHidesTheNameAtItsCloseToo) {
  constexpr int kFiles = 400;
  const auto path = [&](int file) { return mount_ / ("claimed" + std::to_string(file)); };
  Child holder = session([&] {
    for (int file = 0; file < kFiles; ++file) claim(path(file));
  });
  std::vector<Fd> handles;
  for (int file = 0; file < kFiles; ++file) {
    handles.emplace_back(open(path(file).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(handles.back().valid()) << file << ": " << errno_name(errno);
  }
  end(holder);
  for (int file = 0; file < kFiles; ++file)
    ASSERT_TRUE(eventually([&] { return holders_of(path(file)) == "handles: 1"; }, kSweepSeconds))
        << holders_of(path(file));
  int sightings = 0;
  for (int file = 0; file < kFiles; ++file) {
    EXPECT_TRUE(exists(path(file))) << "while it is open";
    handles[static_cast<std::size_t>(file)].close();
    sightings += sighted(mount_.path(), "claimed" + std::to_string(file), file) ? 1 : 0;
  }
  EXPECT_EQ(sightings, 0) << "of " << kFiles;
}

}  // namespace
}  // namespace scratchfs::harness
