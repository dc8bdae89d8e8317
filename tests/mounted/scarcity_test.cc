// Shortages: threads, descriptors, memory for the daemon itself, and a reader for its log.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/daemon_log.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

// Writes more than the memory of the mounts below, so that what is read back was on the disk.
void write_and_compare(const std::string& path) {
  const std::string bytes = random_bytes(16 * kMiB, 1);
  const Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()))
      << errno_name(errno);
  std::string back(bytes.size(), '\0');
  ASSERT_EQ(pread(file.get(), back.data(), back.size(), 0), static_cast<ssize_t>(back.size()))
      << errno_name(errno);
  EXPECT_TRUE(back == bytes);
}

std::string option_of(Transport transport) {
  return transport == Transport::io_uring ? "io_uring=on" : "io_uring=off";
}

// The limit counts all threads of a user, so this one must have no other processes. fusermount3
// requires a user with a name: Debian has `games` on every machine.
constexpr uid_t kPoor = 5;

int threads_of(uid_t uid) {
  int count = 0;
  for (const auto& process : std::filesystem::directory_iterator("/proc")) {
    struct stat info {};
    if (stat(process.path().c_str(), &info) != 0 || info.st_uid != uid) continue;
    const long threads = status_kb(std::atoi(process.path().filename().c_str()), "Threads");
    count += threads > 0 ? static_cast<int>(threads) : 0;
  }
  return count;
}

// Sets the soft thread limit, at most to the hard limit. Only the user may change it.
void set_threads(pid_t daemon, rlim_t most) {
  check_in_child(as_user(kPoor), [&] {
    rlimit limit{};
    EXPECT_EQ(outcome(prlimit(daemon, RLIMIT_NPROC, nullptr, &limit)), "0");
    limit.rlim_cur = std::min(most, limit.rlim_max);
    EXPECT_EQ(outcome(prlimit(daemon, RLIMIT_NPROC, &limit, nullptr)), "0");
  });
}

class Scarcity : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { ensure_environment(); }

  static std::string command(const std::string& options, const std::string& at) {
    return "'" + scratchfs_binary() + "' " + at + " -o " + options + "," + option_of(GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Scarcity, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

// Only over /dev/fuse: over io_uring libfuse logs lines of its own if a ring's thread is missing.
TEST(ScarcityOfThreads, AMountThatCannotHaveItsThreadsSaysSoAndLeavesNothing) {
  ensure_environment();
  if (sanitized()) GTEST_SKIP() << "sanitizers have threads of their own";
  const Who poor = as_user(kPoor);
  const std::string at = make_directory("threads");
  ASSERT_EQ(chown(at.c_str(), kPoor, kPoor), 0);
  int refused = 0;
  for (int most = 1;; ++most) {
    ASSERT_LT(most, 60) << "it never starts";
    const Finished finished =
        shell("ulimit -u " + std::to_string(most) + " && exec '" + scratchfs_binary() + "' " + at +
                  " -o memory=8M,io_uring=off",
              {.who = poor});
    if (finished.code == 0) break;
    ++refused;
    const std::string said = without_swap_warning(finished.err);
    EXPECT_EQ(finished.code, 1) << most << ": " << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << most << ": " << said;
    EXPECT_TRUE(said.starts_with("scratchfs: ")) << most << ": " << said;
    EXPECT_NE(said.find("thread"), std::string::npos) << most << ": " << said;
    EXPECT_TRUE(eventually([&] { return threads_of(kPoor) == 0 && mounts_below(at).empty(); }, 10))
        << most << ": " << said;
  }
  EXPECT_GT(refused, 5);
  // The optional threads are still missing.
  check_in_child(poor, [&] { write_and_compare(at + "/f"); });
  EXPECT_EQ(run({scratchfs_binary(), "umount", at}, {.who = poor}).code, 0);
}

TEST_P(Scarcity, WithoutFurtherThreadsNothingHangs) {
  if (sanitized()) GTEST_SKIP() << "sanitizers have threads of their own";
  // Daemonized, here and below: where the command has returned the daemon has all that it begins
  // with.
  Mount mount(MountSettings{.options = "lifetime=mount,memory=8M",
                            .transport = GetParam(),
                            .daemonize = true,
                            .who = as_user(kPoor)});
  ASSERT_TRUE(mount.alive());
  set_threads(mount.daemon(), static_cast<rlim_t>(threads_of(kPoor)));
  // Another user accesses the mount, so only the daemon's threads are missing.
  const std::string bytes = random_bytes(16 * kMiB, 1);
  std::vector<Child> users;
  for (int i = 0; i < 4; ++i) {
    users.emplace_back(as_user(kPoor), [&, i](Channel&) {
      const std::string name = mount / std::to_string(i);
      const Fd file(open(name.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
      const ssize_t put = write(file.get(), bytes.data(), bytes.size());
      EXPECT_TRUE(put > 0 || errno == ENOMEM) << errno;
      std::string back(bytes.size(), '\0');
      const ssize_t got = pread(file.get(), back.data(), back.size(), 0);
      EXPECT_TRUE(got >= 0 || errno == ENOMEM) << errno;
      if (got > 0) {
        back.resize(static_cast<std::size_t>(got));
        EXPECT_TRUE(back == bytes.substr(0, back.size()));
      }
    });
  }
  for (Child& user : users) EXPECT_EQ(user.join(), 0);
  set_threads(mount.daemon(), RLIM_INFINITY);
  check_in_child(as_user(kPoor), [&] { write_and_compare(mount / "f"); });
}

TEST_P(Scarcity, SixtyFourDescriptorsAreEnough) {
  if (sanitized()) GTEST_SKIP() << "sanitizers look at memory through pipes of their own";
  const std::string at = make_directory("descriptors");
  ASSERT_EQ(shell("ulimit -n 64 && exec " + command("memory=8M", at)).code, 0);
  std::vector<Child> sessions;
  for (int i = 0; i < 100; ++i) {
    sessions.push_back(session([&] { claim(at + "/" + std::to_string(i)); }));
  }
  write_and_compare(at + "/loose");
  EXPECT_FALSE(goes(at + "/0"));
  EXPECT_EQ(names_in(at).size(), sessions.size());
  for (Child& one : sessions) end(one);
  EXPECT_TRUE(eventually([&] { return names_in(at).empty(); }, 10));
  EXPECT_EQ(run({scratchfs_binary(), "umount", at}).code, 0);
}

TEST_P(Scarcity, WithoutMemoryForItselfTheDaemonAnswersEnomemAndGoesOn) {
  if (sanitized()) GTEST_SKIP() << "sanitizers end the program where there is no memory";
  Mount mount(MountSettings{.options = "lifetime=mount,memory=64M",
                            .transport = GetParam(),
                            .daemonize = true,
                            .environment = {"MALLOC_ARENA_MAX=1"}});
  ASSERT_TRUE(mount.alive());
  make_file((mount / "before").c_str(), "kept");
  const auto size = static_cast<rlim_t>(status_kb(mount.daemon(), "VmSize")) * 1024;
  rlimit before{};
  ASSERT_EQ(prlimit(mount.daemon(), RLIMIT_AS, nullptr, &before), 0);
  const rlimit limit{.rlim_cur = size, .rlim_max = before.rlim_max};
  ASSERT_EQ(prlimit(mount.daemon(), RLIMIT_AS, &limit, nullptr), 0);
  int made = 0;
  std::string error = "0";
  for (; made < 100'000 && error == "0"; ++made) {
    error = outcome(mkdir((mount / std::to_string(made)).c_str(), 0700));
  }
  EXPECT_EQ(error, "ENOMEM") << "after " << made;
  ASSERT_EQ(prlimit(mount.daemon(), RLIMIT_AS, &before, nullptr), 0);
  EXPECT_EQ(bytes_of_file(mount / "before"), "kept");
  EXPECT_EQ(outcome(mkdir((mount / "after").c_str(), 0700)), "0");
  for (int i = 0; i < made - 1; ++i) {
    ASSERT_EQ(outcome(rmdir((mount / std::to_string(i)).c_str())), "0");
  }
}

// The daemon's stderr goes to a duplicate of `log`, so that only the other end decides what
// happens.
void expect_life_with_log(const std::string& command, const std::string& at, int log) {
  Child daemon(Who{}, [&](Channel&) {
    dup2(log, STDERR_FILENO);
    execl("/bin/sh", "sh", "-c", ("exec " + command + " -f").c_str(), nullptr);
    _exit(127);
  });
  ASSERT_TRUE(eventually([&] { return !mounts_below(at).empty(); }, 20));
  for (int i = 0; i < 200; ++i) {
    const std::string name = at + "/" + std::to_string(i);
    ASSERT_EQ(outcome(mkdir(name.c_str(), 0700)), "0");
    ASSERT_EQ(outcome(rmdir(name.c_str())), "0");
  }
  write_and_compare(at + "/f");
  ASSERT_EQ(umount2(at.c_str(), 0), 0);
  EXPECT_EQ(daemon.join(), 0);
}

TEST_P(Scarcity, ALogThatNobodyReadsStopsNothing) {
  const std::string at = make_directory("pipe");
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd unread(ends[0]);
  const Fd log(ends[1]);
  fcntl(ends[1], F_SETPIPE_SZ, 4096);
  expect_life_with_log(command("memory=8M,log_level=debug", at), at, log.get());
}

TEST_P(Scarcity, AFullDiskUnderTheLogStopsNothing) {
  const std::string at = make_directory("full");
  const Fd log(open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(log.valid());
  expect_life_with_log(command("memory=8M,log_level=debug", at), at, log.get());
}

}  // namespace
}  // namespace scratchfs::harness
