// However a mount ends, no process, mount or spill file remains, and the exit codes are correct.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <thread>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"
#include "tests/mounted/harness/slow_disk.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

enum class Way { umount, fusermount, command, sigterm, sigint, lazy, abort, kill };

constexpr const char* kWayNames[] = {"umount",  "fusermount3", "scratchfs_umount",
                                     "SIGTERM", "SIGINT",      "umount_lazy",
                                     "abort",   "SIGKILL"};
const char* name_of_way(Way way) { return kWayNames[static_cast<int>(way)]; }

// Returns whether files in use prevent this way of unmounting.
bool asks_politely(Way way) {
  return way == Way::umount || way == Way::fusermount || way == Way::command;
}

// Ends the mount; returns the exit code of the command used, or 0 for a signal.
int end_by(Way way, const Mount& mount) {
  switch (way) {
    case Way::umount:
      return run({"umount", mount.path()}).code;
    case Way::fusermount:
      return run({"fusermount3", "-u", mount.path()}).code;
    case Way::command:
      return run({scratchfs_binary(), "umount", mount.path()}).code;
    case Way::lazy:
      return run({"umount", "-l", mount.path()}).code;
    case Way::abort:
      return abort_connection(mount.connection()) ? 0 : 1;
    case Way::sigterm:
      return ::kill(mount.daemon(), SIGTERM);
    case Way::sigint:
      return ::kill(mount.daemon(), SIGINT);
    case Way::kill:
      return ::kill(mount.daemon(), SIGKILL);
  }
  return -1;
}

// Expects that a daemon that nobody asked to end logs why, and returns a matching exit code.
void expect_what_follows(Way way, Mount& mount) {
  if (way == Way::abort) {
    mount.tolerate("abort");
    mount.tolerate_exit_code(1);
  }
  if (way == Way::kill) {
    mount.tolerate_exit_code(128 + SIGKILL);
  }
}

class Unmount : public testing::TestWithParam<std::tuple<Transport, Way, bool>> {
 protected:
  Transport transport() const { return std::get<0>(GetParam()); }
  Way way() const { return std::get<1>(GetParam()); }
  MountSettings settings(const std::string& options) const {
    return {.options = options, .transport = transport(), .daemonize = std::get<2>(GetParam())};
  }
};
INSTANTIATE_TEST_SUITE_P(All, Unmount,
                         testing::Combine(testing::Values(Transport::dev_fuse, Transport::io_uring),
                                          testing::Values(Way::umount, Way::fusermount,
                                                          Way::command, Way::sigterm, Way::sigint,
                                                          Way::lazy, Way::abort, Way::kill),
                                          testing::Bool()),
                         [](const auto& test) {
                           return name_of(std::get<0>(test.param)) + "_" +
                                  name_of_way(std::get<1>(test.param)) +
                                  (std::get<2>(test.param) ? "_daemon" : "_foreground");
                         });

TEST_P(Unmount, AnIdleMountLeavesNothing) {
  Mount mount(settings("memory=16M"));
  ASSERT_TRUE(mount.alive());
  expect_what_follows(way(), mount);
  make_file((mount / "f").c_str(), "x");
  EXPECT_EQ(end_by(way(), mount), 0);
  mount.expect_gone();
}

TEST_P(Unmount, FilesThatAreInUseAreNotTakenFromPoliteOnes) {
  Mount mount(settings("memory=16M"));
  ASSERT_TRUE(mount.alive());
  expect_what_follows(way(), mount);
  Fd file(open((mount / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(write(file.get(), "kept", 4), 4);
  const int code = end_by(way(), mount);
  if (asks_politely(way())) {
    EXPECT_NE(code, 0) << "it was busy, so this should have failed";
    EXPECT_TRUE(mount.mounted());
    EXPECT_EQ(bytes_of_file(mount / "f"), "kept");
    file.close();
    EXPECT_EQ(end_by(way(), mount), 0);
  } else if (way() == Way::lazy) {
    EXPECT_EQ(code, 0);
    EXPECT_FALSE(mount.mounted());
    char text[4];
    EXPECT_EQ(pread(file.get(), text, 4, 0), 4)
        << "an open file outlives a lazy unmount: " << errno_name(errno);
    file.close();
  }
  mount.expect_gone();
}

// At least 100 reads wait for the spill disk while the mount ends.
class UnmountParked : public Unmount {
 protected:
  static constexpr unsigned kReaders = 120;  // some find their block still in memory
  static constexpr int kParked = 100;

  static void fill(const Mount& mount) {
    const Fd file(open((mount / "f").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    for (unsigned i = 0; i < 48; ++i) {
      const std::string data = random_bytes(kMiB, i);
      ASSERT_EQ(write(file.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
    }
  }

  // Each reader opens the file, waits for a message, reads from its own block, and sends "read",
  // "wrong" or an errno.
  static std::vector<Child> start_readers(const Mount& mount) {
    std::vector<Child> readers;
    for (unsigned i = 0; i < kReaders; ++i) {
      readers.emplace_back(Who{}, [&mount, i](Channel& channel) {
        alignas(4096) static char bytes[4096];
        const Fd file(open((mount / "f").c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
        channel.send("open");
        channel.receive();
        const std::size_t at = i % 25 * kMiB + i / 25 * 128 * 1024;
        const ssize_t got = pread(file.get(), bytes, sizeof(bytes), static_cast<off_t>(at));
        const std::string expected =
            random_bytes(kMiB, i % 25).substr(i / 25 * 128 * 1024, sizeof(bytes));
        channel.send(got < 0                                                    ? errno_name(errno)
                     : got == 4096 && memcmp(bytes, expected.data(), 4096) == 0 ? "read"
                                                                                : "wrong");
      });
    }
    for (Child& reader : readers) {
      reader.receive();
    }
    return readers;
  }
};
INSTANTIATE_TEST_SUITE_P(All, UnmountParked,
                         testing::Combine(testing::Values(Transport::dev_fuse, Transport::io_uring),
                                          testing::Values(Way::umount, Way::fusermount,
                                                          Way::command, Way::sigterm, Way::sigint,
                                                          Way::lazy, Way::abort, Way::kill),
                                          testing::Values(false)),
                         [](const auto& test) {
                           return name_of(std::get<0>(test.param)) + "_" +
                                  name_of_way(std::get<1>(test.param));
                         });

TEST_P(UnmountParked, EveryReadIsAnsweredAndNothingIsLeft) {
  allow_seconds(60);
  SlowDisk disk;
  Mount mount(settings("lifetime=mount,memory=16M,spill_dir=" + disk.path()));
  ASSERT_TRUE(mount.alive());
  expect_what_follows(way(), mount);
  fill(mount);
  std::vector<Child> readers = start_readers(mount);
  disk.close_gate();
  for (Child& reader : readers) {
    reader.send("read");
  }
  EXPECT_TRUE(eventually([&] { return waiting_requests(mount.connection()) >= kParked; }, 20))
      << waiting_requests(mount.connection()) << " requests wait, " << disk.reads_held_back()
      << " at the disk";
  // With all entries of a ring taken, even umount(8) may have to wait for the disk, which is stuck
  // no longer than this.
  std::thread disk_recovers([&] {
    std::this_thread::sleep_for(patience(1));
    disk.open_gate();
  });
  const int code = end_by(way(), mount);
  disk_recovers.join();
  const bool refused = asks_politely(way()) && code != 0;
  EXPECT_TRUE(code == 0 || refused) << name_of_way(way()) << " ended with " << code;
  if (asks_politely(way())) {
    EXPECT_EQ(mount.mounted(), refused) << "the exit code was " << code;
  }
  std::map<std::string, int> answers;
  for (Child& reader : readers) {
    ++answers[reader.receive()];
    EXPECT_EQ(reader.join(), 0);
  }
  EXPECT_EQ(answers["wrong"], 0);
  if (asks_politely(way()) || way() == Way::lazy) {
    EXPECT_EQ(answers["read"], static_cast<int>(kReaders)) << testing::PrintToString(answers);
  }
  if (refused) {
    EXPECT_EQ(end_by(way(), mount), 0);
  }
  mount.expect_gone();
  EXPECT_TRUE(eventually([&] { return disk.open_files() == 0; }, 5))
      << "a spill file is still open";
  EXPECT_EQ(disk.names(), 0);
}

class Remount : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, Remount, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Remount, TheSameDirectoryCanBeUsedAgainAndAgain) {
  std::string path;
  for (int round = 0; round < 10; ++round) {
    Mount mount(MountSettings{
        .options = "memory=16M", .transport = GetParam(), .daemonize = true, .at = path});
    ASSERT_TRUE(mount.alive()) << "round " << round;
    EXPECT_TRUE(names_in(mount.path()).empty()) << "unmounting wipes everything";
    make_file((mount / "f").c_str(), "x");
    ASSERT_EQ(mkdir((mount / "d").c_str(), 0700), 0);
    path = mount.path();
    if (round % 3 == 1) {
      ::kill(mount.daemon(), SIGKILL);
      mount.expect_gone();
    }
  }
}

TEST_P(Remount, TheCommandWaitsUntilAllIsWiped) {
  Mount mount(MountSettings{.options = "memory=16M", .transport = GetParam(), .daemonize = true});
  ASSERT_TRUE(mount.alive());
  EXPECT_EQ(run({scratchfs_binary(), "umount", mount.path()}).code, 0);
  // No waiting here: the command promises this.
  EXPECT_TRUE(mount.processes().empty());
  EXPECT_FALSE(mount.mounted());
  mount.expect_gone();
}

// A container keeps the mount that it was given; the next mount may get the first one's numbers.
TEST_P(Remount, OneThatLivesOnElsewhereLeavesTheNextOneAlone) {
  Mount first(MountSettings{.options = "memory=16M", .transport = GetParam(), .daemonize = true});
  ASSERT_TRUE(first.alive());
  const std::string copy = make_directory("copy");
  ASSERT_EQ(run({"mount", "--bind", first.path(), copy}).code, 0);
  ASSERT_EQ(run({"umount", first.path()}).code, 0);
  const std::string io_uring = first.uses_io_uring() ? "on" : "off";
  ASSERT_EQ(run({scratchfs_binary(), first.path(), "-o", "memory=16M,io_uring=" + io_uring}).code,
            0);
  EXPECT_EQ(run({"umount", copy}).code, 0);
  EXPECT_TRUE(eventually([&] { return status_kb(first.daemon(), "VmRSS") < 0; }, 10));
  EXPECT_EQ(mounts_below(first.path()).size(), 1U);
  EXPECT_EQ(run({scratchfs_binary(), "umount", first.path()}).code, 0);
  first.expect_gone();
}

// The kernel reuses the ids of a mount that is gone for the next one, and the first daemon may
// learn late that its mount is gone.
TEST_P(Remount, TheNextOneMayGetTheNumbersOfOneJustTakenAway) {
  const std::string io_uring = GetParam() == Transport::io_uring ? "on" : "off";
  bool same = false;
  for (int round = 0; round < 20 && !same; ++round) {
    Mount first(MountSettings{.options = "memory=16M", .transport = GetParam(), .daemonize = true});
    ASSERT_TRUE(first.alive());
    const MountEntry before = mounts_below(first.path()).at(0);
    ASSERT_EQ(kill(first.daemon(), SIGSTOP), 0);
    ASSERT_EQ(umount2(first.path().c_str(), 0), 0);
    ASSERT_EQ(run({scratchfs_binary(), first.path(), "-o", "memory=16M,io_uring=" + io_uring}).code,
              0);
    const MountEntry after = mounts_below(first.path()).at(0);
    same = after.id == before.id && after.device_minor == before.device_minor;
    EXPECT_EQ(kill(first.daemon(), SIGCONT), 0);
    EXPECT_TRUE(eventually([&] { return status_kb(first.daemon(), "VmRSS") < 0; }, 10));
    EXPECT_EQ(mounts_below(first.path()).size(), 1U) << "the first daemon unmounted the next mount";
    EXPECT_EQ(run({scratchfs_binary(), "umount", first.path()}).code, 0);
    first.expect_gone();
  }
  EXPECT_TRUE(same) << "no mount got the ids of the previous one";
}

// Over io_uring the rings are still being created at that time.
TEST_P(Remount, AMountThatIsTakenAwayAtOnceEndsAsAnyOther) {
  const std::string place = make_directory("brief");
  const std::string options = GetParam() == Transport::io_uring ? "io_uring=on" : "io_uring=off";
  for (unsigned round = 0; round < 20; ++round) {
    Child daemon(Who{}, [&](Channel&) {
      execl(scratchfs_binary().c_str(), "scratchfs", "-f", place.c_str(), "-o", options.c_str(),
            nullptr);
      _exit(127);
    });
    ASSERT_TRUE(eventually([&] { return !mounts_below(place).empty(); }, 10));
    usleep(200 * round);
    EXPECT_EQ(umount2(place.c_str(), MNT_DETACH), 0);
    EXPECT_EQ(daemon.join(), 0) << "round " << round;
  }
}

TEST(UnmountMisuse, WhatIsNoScratchfsIsLeftAlone) {
  const Tmpfs tmpfs;
  for (const std::string& path : {tmpfs.path(), std::string("/tmp"), std::string("/nonexistent")}) {
    const Finished finished = run({scratchfs_binary(), "umount", path});
    EXPECT_EQ(finished.code, 1) << path;
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  }
  EXPECT_FALSE(mounts_below(tmpfs.path()).empty());
}

TEST(UnmountMisuse, AUserCannotUnmountRootsMount) {
  Mount mount("memory=16M");
  ASSERT_TRUE(mount.alive());
  const Finished finished =
      run({scratchfs_binary(), "umount", mount.path()}, {.who = as_user(kAlice)});
  EXPECT_EQ(finished.code, 1);
  EXPECT_TRUE(mount.mounted());
}

}  // namespace
}  // namespace scratchfs::harness
