// The privileges that root's daemon drops, and that it still serves and ends properly.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

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
#include "tests/mounted/harness/supervised.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

// The privileges of a thread, from its status in /proc.
struct Rights {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  int no_new_privs = -1;
  int seccomp = -1;
  bool operator==(const Rights&) const = default;
};
void PrintTo(const Rights& rights, std::ostream* out) {
  *out << std::hex << "effective " << rights.effective << ", permitted " << rights.permitted
       << std::dec << ", no_new_privs " << rights.no_new_privs << ", seccomp " << rights.seccomp;
}

Rights rights_of(const std::string& directory) {
  std::istringstream status(read_text(directory + "/status"));
  Rights rights;
  for (std::string key; status >> key;) {
    if (key == "CapEff:") status >> std::hex >> rights.effective >> std::dec;
    if (key == "CapPrm:") status >> std::hex >> rights.permitted >> std::dec;
    if (key == "NoNewPrivs:") status >> rights.no_new_privs;
    if (key == "Seccomp:") status >> rights.seccomp;
  }
  return rights;
}

Rights own_rights() { return rights_of("/proc/self"); }

// Checks each thread of a daemon once it has finished starting up.
void expect_rights(pid_t daemon, const Rights& expected) {
  const std::string directory = "/proc/" + std::to_string(daemon);
  EXPECT_TRUE(eventually([&] { return rights_of(directory) == expected; }, 5));
  if (sanitized()) return;  // a sanitizer has threads of its own, older than the confinement
  int threads = 0;
  for (const auto& thread : std::filesystem::directory_iterator(directory + "/task")) {
    EXPECT_EQ(rights_of(thread.path()), expected) << read_text(thread.path() / "comm");
    ++threads;
  }
  EXPECT_GT(threads, 3);
}

// The expected rights, limited to those that the test itself has.
Rights confined(std::uint64_t capabilities) {
  const std::uint64_t kept = own_rights().permitted & capabilities;
  return {.effective = kept, .permitted = kept, .no_new_privs = 1, .seccomp = SECCOMP_MODE_FILTER};
}

constexpr std::uint64_t kAlways = bit(CAP_SYS_ADMIN) | bit(CAP_DAC_READ_SEARCH);

// Writes and reads back twice the 16 MiB of memory.
void expect_spills(const Mount& mount) {
  for (int i = 0; i < 8; ++i)
    make_file((mount / std::to_string(i)).c_str(), random_bytes(4 << 20, 1));
  EXPECT_TRUE(eventually([&] { return status_of(mount)["spill"]["used"] > 8 * kMiB; }, 10));
  for (int i = 0; i < 8; ++i)
    EXPECT_TRUE(bytes_of_file(mount / std::to_string(i)) == random_bytes(4 << 20, 1)) << i;
}

class Confinement : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, Confinement,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Confinement, NoThreadOfRootsDaemonKeepsMoreThanItNeeds) {
  const Mount mount("lifetime=mount,memory=16M", GetParam());
  expect_rights(mount.daemon(), confined(kAlways));
  // Later threads, which wait for the disk and watch claims, do not have more rights either.
  expect_spills(mount);
  expect_rights(mount.daemon(), confined(kAlways));
}

TEST_P(Confinement, ItEndsItsMountByItselfWhereOthersMayNotEvenLook) {
  const std::string closed = make_directory("closed");
  const std::string place = closed + "/place";
  ASSERT_EQ(mkdir(place.c_str(), 0755), 0);
  ASSERT_EQ(chown(closed.c_str(), kAlice, kAlice), 0);
  ASSERT_EQ(chmod(closed.c_str(), 0700), 0);
  Mount mount(MountSettings{.options = "memory=16M", .transport = GetParam(), .at = place});
  make_file((mount / "f").c_str(), "x");
  ASSERT_EQ(kill(mount.daemon(), SIGTERM), 0);
  EXPECT_TRUE(eventually([&] { return !mount.mounted(); }, 10));
  mount.expect_gone();
}

// The supervisor creates the daemons, so it keeps its own rights.
TEST_P(Confinement, EachDaemonOfASupervisorIsConfined) {
  Mount mount("lifetime=mount,memory=16M,supervise", GetParam());
  ASSERT_TRUE(mount.alive());
  mount.tolerate(": the daemon died");
  expect_rights(serving_daemon(mount), confined(kAlways));
  ASSERT_TRUE(kill_and_await_next(mount).back);
  expect_rights(serving_daemon(mount), confined(kAlways));
  EXPECT_EQ(rights_of("/proc/" + std::to_string(mount.daemon())), own_rights());
  expect_spills(mount);
}

TEST_P(Confinement, WithoutItItKeepsAllThatItHad) {
  const Mount mount("memory=16M,confine=off", GetParam());
  expect_rights(mount.daemon(), own_rights());
}

TEST(ConfinementKeeps, CapIpcLockWhereMemoryIsLocked) {
  const Mount mount("memory=16M,spill=0,lock_memory");
  expect_rights(mount.daemon(), confined(kAlways | bit(CAP_IPC_LOCK)));
}

TEST(ConfinementKeeps, CapDacOverrideWhereTheSpillDirectoryIsAnothers) {
  const std::string directory = make_directory("spill");
  ASSERT_EQ(chown(directory.c_str(), kAlice, kAlice), 0);
  ASSERT_EQ(chmod(directory.c_str(), 0700), 0);
  const Mount mount("lifetime=mount,memory=16M,spill_dir=" + directory);
  expect_rights(mount.daemon(), confined(kAlways | bit(CAP_DAC_OVERRIDE)));
  expect_spills(mount);
}

// In a mount namespace with its own /proc.
TEST(ConfinementKeeps, CapSysPtraceWhereProcHidesProcesses) {
  constexpr const char* kScript = R"(
    set -e
    mount -t proc -o hidepid=ptraceable proc /proc
    "$0" -o memory=16M,spill=0 "$1"
    pid=$("$0" status --json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
    grep CapEff "/proc/$pid/status"
    "$0" umount "$1")";
  const Finished finished = run(
      {"unshare", "--mount", "bash", "-c", kScript, scratchfs_binary(), make_directory("hidden")});
  EXPECT_EQ(finished.code, 0) << finished.err;
  std::istringstream line(finished.out);
  std::string key;
  std::uint64_t effective = 0;
  line >> key >> std::hex >> effective;
  EXPECT_EQ(effective, own_rights().permitted & (kAlways | bit(CAP_SYS_PTRACE))) << finished.out;
}

// fusermount3 is setuid root; no_new_privs would disable that, and a seccomp filter requires it.
TEST(ConfinementLeaves, AUsersDaemonAsItIs) {
  const Mount mount(MountSettings{.options = "memory=16M", .who = as_user(kNobody)});
  Rights expected = own_rights();
  expected.effective = expected.permitted = 0;
  expect_rights(mount.daemon(), expected);
}

TEST(ConfinementLeaves, AQuotaFileOfAnybodysToBeReadAgain) {
  const std::string closed = make_directory("limits");
  const std::string file = closed + "/limits";
  std::ofstream(file) << "* 4M\n";
  ASSERT_EQ(chown(file.c_str(), kAlice, kAlice), 0);
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  ASSERT_EQ(chown(closed.c_str(), kAlice, kAlice), 0);
  ASSERT_EQ(chmod(closed.c_str(), 0700), 0);
  const Mount mount("memory=16M,quota_file=" + file);
  std::ofstream(file) << "* 5M\nnobody 6M\n";  // by name: resolving it still works, too
  ASSERT_EQ(kill(mount.daemon(), SIGHUP), 0);
  const auto limit = [&](uid_t uid) {
    const Finished finished =
        run({scratchfs_binary(), "quota", mount.path(), "--json"}, {.who = as_user(uid)});
    return nlohmann::json::parse(finished.out)["users"][0]["bytes_limit"].dump();
  };
  EXPECT_TRUE(eventually([&] { return limit(kAlice) == std::to_string(5 * kMiB); }, 5))
      << limit(kAlice);
  EXPECT_EQ(limit(kNobody), std::to_string(6 * kMiB));
}

}  // namespace
}  // namespace scratchfs::harness
