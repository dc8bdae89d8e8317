// The daemon's own memory: its protection from the out-of-memory killer and from swap.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

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
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

int oom_score_adj(pid_t pid) {
  return std::stoi(read_text("/proc/" + std::to_string(pid) + "/oom_score_adj"));
}

// The lowest score that root may set here: lowering it needs CAP_SYS_RESOURCE, which a container
// may lack.
int lowered_score() {
  return std::stoi(in_child({}, [] {
    std::ofstream("/proc/self/oom_score_adj") << "-900" << std::flush;
    return read_text("/proc/self/oom_score_adj");
  }));
}

TEST(Memory, RootsDaemonIsTheLastToBeKilledAndItsGuardianLikeAnyOther) {
  const Mount mount("memory=16M");
  EXPECT_EQ(oom_score_adj(mount.daemon()), lowered_score());
  for (const pid_t pid : mount.processes()) {
    if (pid != mount.daemon()) {
      EXPECT_EQ(oom_score_adj(pid), oom_score_adj(getpid()));
    }
  }
}

TEST(Memory, ANonRootDaemonIsLikeAnyOther) {
  const Mount mount(MountSettings{.options = "memory=16M", .who = as_user(kNobody)});
  EXPECT_EQ(oom_score_adj(mount.daemon()), oom_score_adj(getpid()));
}

class AfterALoad : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, AfterALoad,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

// Reads spilled data past the page cache with 256 threads, 1 MiB each.
void read_all_at_once(const std::string& path, std::size_t mebibytes) {
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < 256; ++i) {
    readers.emplace_back([&, i] {
      const Fd file(open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
      void* const into = std::aligned_alloc(4096, kMiB);
      EXPECT_EQ(pread(file.get(), into, kMiB, static_cast<off_t>(i % mebibytes * kMiB)),
                static_cast<ssize_t>(kMiB));
      std::free(into);
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_P(AfterALoad, TheMemoryOfItsRequestsGoesBack) {
  if (slowness() > 1) GTEST_SKIP() << "a sanitizer keeps what is freed";
  allow_seconds(120);
  const Mount mount("lifetime=mount,memory=8M", GetParam());
  const std::string path = mount / "f";
  constexpr std::size_t kMebibytes = 128;
  make_file(path.c_str(), random_bytes(kMebibytes * kMiB, 1));
  for (int round = 0; round < 3; ++round) read_all_at_once(path, kMebibytes);
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_TRUE(eventually([&] { return status_kb(mount.daemon(), "VmRSS") <= 48 * 1024; }, 20))
      << status_kb(mount.daemon(), "VmRSS") << " KiB";
}

TEST(LockMemory, KeepsAllOfTheDaemonOutOfSwap) {
  if (sanitized()) GTEST_SKIP() << "under a sanitizer mlock(2) does nothing";
  const Mount mount("lifetime=mount,memory=64M,spill=0,lock_memory");
  EXPECT_EQ(status_of(mount)["memory"]["locked"], true);
  make_file((mount / "f").c_str(), random_bytes(32 * kMiB, 1));
  EXPECT_GE(status_kb(mount.daemon(), "VmLck"), 32 * 1024);
  EXPECT_EQ(bytes_of_file(mount / "f"), random_bytes(32 * kMiB, 1));
  // Locked memory can be returned all the same.
  ASSERT_EQ(unlink((mount / "f").c_str()), 0);
  EXPECT_EQ(run({scratchfs_binary(), "set", mount.path(), "-o", "memory=8M"}).code, 0);
  EXPECT_TRUE(eventually([&] { return status_of(mount)["memory"]["reserve"] <= kMiB; }, 20));
}

TEST(LockMemory, IsRefusedInOneLineWhereTheLimitIsTooLow) {
  if (sanitized()) GTEST_SKIP() << "under a sanitizer mlock(2) does nothing";
  const std::string at = make_directory("unlocked");
  ASSERT_EQ(chown(at.c_str(), kNobody, kNobody), 0);
  const Finished finished =
      shell("ulimit -l 4096 && exec '" + scratchfs_binary() + "' -o memory=64M,lock_memory " + at,
            {.who = as_user(kNobody)});
  EXPECT_EQ(finished.code, 1);
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  EXPECT_TRUE(finished.err.starts_with("scratchfs: -o lock_memory: only 4.0M")) << finished.err;
  EXPECT_TRUE(mounts_below(at).empty());
}

}  // namespace
}  // namespace scratchfs::harness
