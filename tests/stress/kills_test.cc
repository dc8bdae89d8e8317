// kill -9 of the daemon at random moments of a busy life: nothing of it stays, and the next one
// starts, by itself where it is supervised. SCRATCHFS_KILLS=N sets how often.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/loop_disk.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"
#include "tests/mounted/harness/supervised.h"

namespace scratchfs::harness {
namespace {

constexpr std::size_t kPiece = 3 << 20;

int kills() {
  const char* text = std::getenv("SCRATCHFS_KILLS");
  return text != nullptr ? std::atoi(text) : 6;
}

// 200 ms at most (adjusted by slowness(), so that some get as far as spilling).
void live_a_while() {
  static std::random_device random;
  std::this_thread::sleep_for(patience(0.2) * (random() % 1000) / 1000);
}

// One round of a user's life with names and more bytes than there is memory. False: the daemon is
// gone; any error tells that, but bytes are right or not there.
bool live(const std::string& bytes) {
  const Fd file(open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) return false;
  if (write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return false;
  std::string back(bytes.size(), '\0');
  const ssize_t got = pread(file.get(), back.data(), back.size(), 0);
  if (got != static_cast<ssize_t>(bytes.size())) return false;
  EXPECT_EQ(back, bytes);
  return mkdir("directory", 0700) == 0 && rename("file", "directory/renamed") == 0 &&
         unlink("directory/renamed") == 0 && rmdir("directory") == 0;
}

std::vector<Child> start_users(const Mount& mount) {
  std::vector<Child> users;
  for (unsigned i = 0; i < 4; ++i) {
    const Who who{.uid = kAlice + i, .gid = 0, .groups = {}, .new_session = true};
    users.emplace_back(who, [&mount, i](Channel& channel) {
      // Relative names: where the mount is gone they do not find what lies below it.
      const std::string home = mount / std::to_string(i);
      EXPECT_TRUE(mkdir(home.c_str(), 0700) == 0 && chdir(home.c_str()) == 0);
      channel.send("begun");
      const std::string bytes = random_bytes(kPiece, i);
      while (live(bytes)) {
      }
    });
  }
  for (Child& user : users) user.receive();
  return users;
}

class Kills : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { allow_seconds(30 + 10.0 * kills()); }
};
INSTANTIATE_TEST_SUITE_P(Both, Kills, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Kills, LeaveNeitherABlockOnTheDiskNorAMountNorAProcess) {
  const LoopDisk disk(128);
  const std::string place = make_directory("killed");
  const std::uint64_t free = free_bytes(disk.path());
  bool spilled = false;
  for (int round = 0; round < kills(); ++round) {
    Mount mount(MountSettings{.options = "memory=8M,spill_dir=" + disk.path(),
                              .transport = GetParam(),
                              .daemonize = round % 2 == 0,
                              .at = place});
    ASSERT_TRUE(mount.alive()) << "round " << round;
    mount.tolerate_exit_code(128 + SIGKILL);
    std::vector<Child> users = start_users(mount);
    live_a_while();
    spilled |= free_bytes(disk.path()) < free;
    ::kill(mount.daemon(), SIGKILL);
    for (Child& user : users) EXPECT_EQ(user.join(), 0) << "round " << round;
    mount.expect_gone();
    EXPECT_TRUE(names_in(place).empty());
    EXPECT_TRUE(eventually([&] { return free_bytes(disk.path()) == free; }, 10))
        << "round " << round << ": " << free << " bytes were free, now " << free_bytes(disk.path());
  }
  EXPECT_TRUE(spilled);
}

// They come back as soon as there is something to come back to, until there is a file `end`.
std::vector<Child> start_stubborn_users(const Mount& mount, const std::string& end) {
  std::vector<Child> users;
  for (unsigned i = 0; i < 4; ++i) {
    users.emplace_back(as_user(kAlice + i), [&mount, &end, i](Channel& channel) {
      const std::string bytes = random_bytes(kPiece, i);
      const std::string home = mount / std::to_string(i);
      channel.send("begun");
      for (; !exists(end); usleep(1000)) {
        if (!is_served(mount.path())) continue;
        mkdir(home.c_str(), 0700);
        if (chdir(home.c_str()) != 0) continue;
        while (!exists(end) && live(bytes)) {
        }
      }
      EXPECT_EQ(chdir("/"), 0);
    });
  }
  for (Child& user : users) user.receive();
  return users;
}

TEST_P(Kills, ASupervisedMountComesBackEachTime) {
  const LoopDisk disk(128);
  const std::uint64_t free = free_bytes(disk.path());
  Mount mount(MountSettings{.options = "supervise,memory=8M,spill_dir=" + disk.path(),
                            .transport = GetParam(),
                            .daemonize = true});
  ASSERT_TRUE(mount.alive());
  const std::string end = make_directory("evening") + "/now";
  std::vector<Child> users = start_stubborn_users(mount, end);
  std::vector<std::chrono::milliseconds> away;
  for (int round = 0; round < std::max(kills() / 2, 4); ++round) {
    live_a_while();
    // A long life now and then, or they would be given up (restart_limit.h).
    if (round > 0 && round % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10'100));
    const Away gone = kill_and_await_next(mount);
    ASSERT_TRUE(gone.back) << "round " << round;
    away.push_back(gone.lasted);
  }
  make_file(end.c_str(), "");
  for (Child& user : users) EXPECT_EQ(user.join(), 0);
  EXPECT_EQ(run({scratchfs_binary(), "umount", mount.path()}).code, 0);
  mount.expect_gone();
  EXPECT_TRUE(mounts_below(mount.path()).empty());
  EXPECT_TRUE(eventually([&] { return free_bytes(disk.path()) == free; }, 10));
  std::sort(away.begin(), away.end());
  std::cout << "away after " << away.size() << " kills: " << away[away.size() / 2].count()
            << " ms (median), at most " << away.back().count() << " ms\n";
}

}  // namespace
}  // namespace scratchfs::harness
