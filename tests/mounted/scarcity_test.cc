// What a machine can run out of: descriptors, and somebody who reads the log.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

constexpr std::size_t kMiB = 1 << 20;

// More than the memory of the mounts below: what comes back has been on the disk.
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

class Scarcity : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { ensure_environment(); }

  static std::string command(const std::string& options, const std::string& at) {
    return "'" + scratchfs_binary() + "' " + at + " -o " + options + "," + option_of(GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Scarcity, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Scarcity, SixtyFourDescriptorsAreEnough) {
  if (slowness() > 1) GTEST_SKIP() << "sanitizers look at memory through pipes of their own";
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

// `log` is where the daemon's stderr goes; its own copy, so that the other end alone decides.
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
