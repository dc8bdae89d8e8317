// -o supervise: a daemon that dies is replaced at the same place, until it is stopped on purpose or
// restarting is pointless.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

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

std::uint64_t limit_of_everyone(const Mount& mount) {
  const Finished finished = run({scratchfs_binary(), "quota", mount.path(), "--json"});
  EXPECT_EQ(finished.code, 0) << finished.err;
  return nlohmann::json::parse(finished.out)["everyone"]["bytes_limit"].get<std::uint64_t>();
}

bool log_says(const Mount& mount, const std::string& text) {
  return eventually([&] { return mount.log().find(text) != std::string::npos; }, 10);
}

class Supervise : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { ensure_environment(); }
  static MountSettings settings(const std::string& options = "") {
    return {.options = "memory=16M,supervise" + options, .transport = GetParam()};
  }
  // Tolerates the supervisor's messages about a death.
  static void expect_deaths(Mount& mount) { mount.tolerate(": the daemon d"); }
};
INSTANTIATE_TEST_SUITE_P(Both, Supervise, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Supervise, AnotherDaemonServesAtTheSamePlace) {
  MountSettings wanted = settings();
  wanted.daemonize = true;
  Mount mount(wanted);
  ASSERT_TRUE(mount.alive());
  EXPECT_EQ(status_of(mount)["supervised"], true);
  Fd file(open((mount / "f").c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(write(file.get(), "x", 1), 1);
  ASSERT_EQ(kill_and_await_next(mount).back, true);
  char byte = 0;
  EXPECT_EQ(outcome(pread(file.get(), &byte, 1, 0)), "ENOTCONN");
  file.close();
  EXPECT_FALSE(exists(mount / "f"));
  make_file((mount / "d").c_str(), "new");
  EXPECT_EQ(mounts_below(mount.path()).size(), 1U) << "the dead one lies below";
  EXPECT_EQ(run({scratchfs_binary(), "umount", mount.path()}).code, 0);
  EXPECT_TRUE(mounts_below(mount.path()).empty());
  EXPECT_TRUE(mount.processes().empty()) << "umount waits for all of them";
  mount.expect_gone();
}

TEST_P(Supervise, EndsAsAnyOtherMount) {
  enum class Way { umount, terminate_supervisor, terminate_daemon };
  for (const Way way : {Way::umount, Way::terminate_supervisor, Way::terminate_daemon}) {
    Mount mount(settings());
    ASSERT_TRUE(mount.alive());
    expect_deaths(mount);
    ASSERT_TRUE(kill_and_await_next(mount).back);
    const pid_t told = way == Way::terminate_daemon ? serving_daemon(mount) : mount.daemon();
    EXPECT_EQ(way == Way::umount ? umount2(mount.path().c_str(), 0) : ::kill(told, SIGTERM), 0);
    mount.expect_gone();
    EXPECT_TRUE(mounts_below(mount.path()).empty());
  }
}

TEST_P(Supervise, GivesUpOnDaemonsThatDieAtOnce) {
  Mount mount(settings());
  ASSERT_TRUE(mount.alive());
  expect_deaths(mount);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(kill_and_await_next(mount).back) << i;
  mount.tolerate_exit_code(1);
  ASSERT_EQ(::kill(serving_daemon(mount), SIGKILL), 0);
  mount.expect_gone();
  EXPECT_TRUE(mounts_below(mount.path()).empty());
  EXPECT_TRUE(log_says(mount, "giving up")) << mount.log();
}

TEST_P(Supervise, AMountThatWasTakenAwayDoesNotComeBack) {
  Mount mount(settings());
  ASSERT_TRUE(mount.alive());
  expect_deaths(mount);
  const pid_t daemon = serving_daemon(mount);
  const Fd file(open((mount / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(run({scratchfs_binary(), "umount", "--lazy", mount.path()}).code, 0);
  mount.tolerate_exit_code(1);
  ASSERT_EQ(::kill(daemon, SIGKILL), 0);
  mount.expect_gone();
  EXPECT_TRUE(mounts_below(mount.path()).empty());
}

TEST_P(Supervise, AnAbortedConnectionStaysAborted) {
  Mount mount(settings());
  ASSERT_TRUE(mount.alive());
  mount.tolerate("abort");
  mount.tolerate_exit_code(1);
  EXPECT_TRUE(abort_connection(mount.connection()));
  mount.expect_gone();
  EXPECT_TRUE(mounts_below(mount.path()).empty());
}

class SuperviseOnce : public testing::Test {
 protected:
  void SetUp() override { ensure_environment(); }
};

TEST_F(SuperviseOnce, OptionsHoldAndWhatWasSetSinceIsGone) {
  const std::string place = make_directory("relative");
  std::ofstream(place + "/limits") << "* 5M\n";
  Mount mount("memory=16M,supervise,quota_file=" + place + "/limits");
  ASSERT_TRUE(mount.alive());
  mount.tolerate(": the daemon died");
  EXPECT_EQ(limit_of_everyone(mount), 5 * kMiB);
  const nlohmann::json before = status_of(mount);
  EXPECT_EQ(run({scratchfs_binary(), "set", mount.path(), "-o", "memory=32M,spill=1G"}).code, 0);
  EXPECT_EQ(run({scratchfs_binary(), "quota", mount.path(), "--everyone", "--bytes", "9M"}).code,
            0);
  EXPECT_EQ(limit_of_everyone(mount), 9 * kMiB);
  std::ofstream(place + "/limits") << "* 6M\n";
  ASSERT_TRUE(kill_and_await_next(mount).back);
  EXPECT_EQ(limit_of_everyone(mount), 6 * kMiB) << "the file is read anew";
  const nlohmann::json after = status_of(mount);
  EXPECT_EQ(after["memory"]["budget"], before["memory"]["budget"]);
  EXPECT_EQ(after["spill"]["limit"], before["spill"]["limit"]) << "80% of what was free then";
  EXPECT_EQ(after["spill"]["directory"], before["spill"]["directory"]);
}

TEST_F(SuperviseOnce, PathsMayBeRelativeToWhereItWasMounted) {
  const std::string home = make_directory("home");
  for (const char* name : {"/mnt", "/spill, here"})
    ASSERT_EQ(mkdir((home + name).c_str(), 0700), 0);
  std::ofstream(home + "/limits") << "* 5M\n";
  std::ofstream(home + "/ids") << kNobody << ":700000:10\n";
  const std::string options =
      "memory=8M,io_uring=off,spill_dir=spill\\, here,quota_file=limits,subuid=ids";
  const Finished mounted =
      run({scratchfs_binary(), "mount", "--supervise", "-o", options, "mnt"}, {.directory = home});
  ASSERT_EQ(mounted.code, 0) << mounted.err;
  const auto status = [&] {
    const Finished told = run({scratchfs_binary(), "status", home + "/mnt", "--json"});
    return told.code == 0 ? nlohmann::json::parse(told.out) : nlohmann::json::object({{"pid", 0}});
  };
  const auto pid = [&] { return status()["pid"].get<pid_t>(); };
  const pid_t first = pid();
  ASSERT_GT(first, 0);
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  EXPECT_TRUE(eventually(
      [&] { return ::kill(first, 0) != 0 && is_served(home + "/mnt") && pid() != first; }, 30));
  EXPECT_EQ(status()["subuid"], home + "/ids");
  EXPECT_EQ(run({scratchfs_binary(), "umount", home + "/mnt"}).code, 0);
  EXPECT_TRUE(processes_naming(home).empty());
}

// By then the old path leads to another user's directory.
TEST_F(SuperviseOnce, TheDirectoryIsTheSameWhereverItWasMovedTo) {
  const std::string home = make_directory("moving");
  for (const char* name : {"/a", "/a/scratch"}) ASSERT_EQ(mkdir((home + name).c_str(), 0755), 0);
  Mount mount(MountSettings{.options = "memory=16M,supervise", .at = home + "/a/scratch"});
  ASSERT_TRUE(mount.alive());
  mount.tolerate(": the daemon died");
  mount.tolerate("lies at");
  const pid_t daemon = serving_daemon(mount);
  ASSERT_EQ(rename((home + "/a").c_str(), (home + "/b").c_str()), 0);
  for (const char* name : {"/a", "/a/scratch"}) ASSERT_EQ(mkdir((home + name).c_str(), 0755), 0);
  ASSERT_EQ(::kill(daemon, SIGKILL), 0);
  EXPECT_TRUE(
      eventually([&] { return ::kill(daemon, 0) != 0 && is_served(home + "/b/scratch"); }, 30))
      << mount.log();
  EXPECT_FALSE(is_served(home + "/a/scratch"));
  EXPECT_TRUE(log_says(mount, "lies at " + home + "/b/scratch by now")) << mount.log();
  EXPECT_EQ(run({scratchfs_binary(), "umount", home + "/b/scratch"}).code, 0);
  mount.expect_gone();
}

TEST_F(SuperviseOnce, TriesAgainWhatCouldNotStartAndHidesWhatCameMeanwhile) {
  const std::string spill = make_directory("spill");
  Mount mount("memory=16M,supervise,spill_dir=" + spill);
  ASSERT_TRUE(mount.alive());
  for (const char* text : {": the daemon d", "spill directory", "hides what"}) mount.tolerate(text);
  const pid_t daemon = serving_daemon(mount);
  ASSERT_EQ(rename(spill.c_str(), (spill + ".away").c_str()), 0);
  ASSERT_EQ(::kill(daemon, SIGKILL), 0);
  ASSERT_TRUE(log_says(mount, "name another directory with spill_dir=")) << mount.log();
  make_file((mount / "below").c_str(), "written to the bare directory");
  ASSERT_EQ(rename((spill + ".away").c_str(), spill.c_str()), 0);
  EXPECT_TRUE(eventually([&] { return is_served(mount.path()); }, 20)) << mount.log();
  EXPECT_TRUE(log_says(mount, "hides what the directory holds already")) << mount.log();
  EXPECT_FALSE(exists(mount / "below"));
  mount.unmount();
  EXPECT_EQ(unlink((mount / "below").c_str()), 0);
}

TEST_F(SuperviseOnce, TheFirstDaemonsFailureIsTheCommands) {
  if (sanitized()) GTEST_SKIP() << "under a sanitizer mlock(2) does nothing";
  const std::string at = make_directory("unlocked");
  ASSERT_EQ(chown(at.c_str(), kNobody, kNobody), 0);
  const Finished finished = shell("ulimit -l 4096 && exec '" + scratchfs_binary() +
                                      "' --supervise -o memory=64M,lock_memory " + at,
                                  {.who = as_user(kNobody)});
  EXPECT_EQ(finished.code, 1);
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  EXPECT_TRUE(finished.err.starts_with("scratchfs: -o lock_memory: only 4.0M")) << finished.err;
  EXPECT_TRUE(mounts_below(at).empty());
}

TEST_F(SuperviseOnce, ItsDeathInTheForegroundEndsTheMount) {
  Mount mount("memory=16M,supervise");
  ASSERT_TRUE(mount.alive());
  mount.tolerate_exit_code(128 + SIGKILL);
  ASSERT_EQ(::kill(mount.daemon(), SIGKILL), 0);
  mount.expect_gone();
  EXPECT_TRUE(eventually([&] { return mounts_below(mount.path()).empty(); }, 10));
}

TEST_F(SuperviseOnce, ItsDeathInTheBackgroundLeavesTheMountAlone) {
  Mount mount(MountSettings{.options = "memory=16M,supervise", .daemonize = true});
  ASSERT_TRUE(mount.alive());
  const nlohmann::json status = status_of(mount);
  ASSERT_EQ(::kill(status["guardian_pid"].get<pid_t>(), SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return mount.processes().size() == 1; }, 10));
  make_file((mount / "f").c_str(), "x");
  EXPECT_EQ(serving_daemon(mount), status["pid"].get<pid_t>());
}

TEST_F(SuperviseOnce, IsRefusedWhereSomebodyElseDoesItOrItMakesNoSense) {
  const std::string at = make_directory("refused");
  const Finished service = run({scratchfs_binary(), "mount", "--supervise", "-f", at},
                               {.environment = {"NOTIFY_SOCKET=/run/systemd/notify"}});
  EXPECT_EQ(service.code, 2);
  EXPECT_NE(service.err.find("Restart=on-failure"), std::string::npos) << service.err;
  const Finished job = run({scratchfs_binary(), "run", "-o", "supervise", "--", "true"});
  EXPECT_EQ(job.code, 2) << job.err;
}

}  // namespace
}  // namespace scratchfs::harness
