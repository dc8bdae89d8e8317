// scratchfs run: a mount for the duration of one command.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/daemon_log.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

class Run : public testing::Test {
 protected:
  Run() : place_(make_directory("run")) {}
  ~Run() override { expect_nothing_left(); }

  // Expects that no mount, directory or process is left, whatever happened.
  void expect_nothing_left() const {
    EXPECT_TRUE(eventually([&] { return mounts_below(place_).empty(); }, 5));
    EXPECT_TRUE(eventually([&] { return names_in(place_).empty(); }, 5));
    EXPECT_TRUE(eventually([&] { return processes_naming(place_).empty(); }, 5))
        << describe_process(processes_naming(place_).empty() ? 0 : processes_naming(place_)[0]);
  }
  std::vector<std::string> environment() const { return {"XDG_RUNTIME_DIR=" + place_}; }
  Finished run_it(std::vector<std::string> words, const Who& who = {}) const {
    words.insert(words.begin(), {scratchfs_binary(), "run", "-o", "memory=16M", "--"});
    return run(words, {.who = who, .environment = environment()});
  }
  // Starts the command in the background as a process group leader, as a shell starts a job.
  // `script` writes "ready" to a file once it runs.
  Child start(const std::string& script) const {
    Child job(Who{}, [&](Channel&) {
      setpgid(0, 0);
      signal(SIGINT, SIG_DFL);  // a shell cannot trap a signal that was ignored when it started
      setenv("XDG_RUNTIME_DIR", place_.c_str(), 1);
      execl(scratchfs_binary().c_str(), "scratchfs", "run", "-o", "memory=16M", "--", "sh", "-c",
            script.c_str(), nullptr);
      _exit(99);
    });
    EXPECT_TRUE(eventually([&] { return exists(mark("ready")); }, 10));
    return job;
  }
  // A file next to the mounts, because test directories are emptied at the end.
  std::string mark(const std::string& name) const { return place_ + "-" + name; }
  std::string touch(const std::string& name) const { return ": > " + mark(name) + "; "; }
  pid_t daemon() const {
    for (const pid_t pid : processes_naming(place_)) {
      if (read_text("/proc/" + std::to_string(pid) + "/comm") == "scratchfs\n" &&
          getsid(pid) == pid)
        return pid;
    }
    return 0;
  }
  int wait_for(Child& job) const {
    EXPECT_TRUE(eventually(
        [&] {
          siginfo_t info{};
          return waitid(P_PID, static_cast<id_t>(job.pid()), &info, WEXITED | WNOHANG | WNOWAIT) ==
                     0 &&
                 info.si_pid != 0;
        },
        10));
    return job.join();
  }

  const std::string place_;
};

TEST_F(Run, GivesACommandATemporaryDirectoryOfItsOwnAndPassesItsExitCodeOn) {
  const Finished finished = run_it(
      {"sh", "-c",
       "test \"$TMPDIR\" = \"$TMP\" && test \"$TMPDIR\" = \"$TEMP\" || exit 1; f=$(mktemp) && echo "
       "x > \"$f\" && stat -f -c %T \"$TMPDIR\"; stat -c %a \"$TMPDIR\"; echo \"$TMPDIR\"; exit "
       "7"});
  EXPECT_EQ(finished.code, 7) << finished.err;
  EXPECT_TRUE(finished.out.starts_with("fuseblk\n700\n" + place_ + "/scratchfs-run.") ||
              finished.out.starts_with("fuse\n700\n" + place_ + "/scratchfs-run."))
      << finished.out;
  EXPECT_EQ(without_swap_warning(finished.err), "");
  EXPECT_TRUE(names_in(place_).empty()) << "wiped when it returns";
  EXPECT_TRUE(mounts_below(place_).empty());
}

TEST_F(Run, NeedsNoRoot) {
  ASSERT_EQ(chown(place_.c_str(), kNobody, kNobody), 0);
  const Finished finished =
      run_it({"sh", "-c", "id -u && cd \"$TMPDIR\" && mkdir d && echo x > d/f && cat d/f"},
             as_user(kNobody));
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.out, std::to_string(kNobody) + "\nx\n");
}

TEST_F(Run, UsesTmpWhereTheRuntimeDirectoryIsAnothers) {
  const Finished finished = run_it({"sh", "-c", "echo \"$TMPDIR\""}, as_user(kNobody));
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(finished.out.starts_with("/tmp/scratchfs-run.")) << finished.out;
  EXPECT_FALSE(exists(finished.out.substr(0, finished.out.size() - 1)));
}

TEST_F(Run, KeepsStandardStreamsAndDescriptorsOfItsCaller) {
  const Finished finished =
      shell("echo in | \"" + scratchfs_binary() +
                "\" run -o memory=16M -- sh -c 'cat; echo three >&3; echo err >&2' 3>&1",
            {.environment = environment()});
  EXPECT_EQ(finished.code, 0);
  EXPECT_EQ(finished.out, "in\nthree\n");
  EXPECT_EQ(finished.err, "err\n");
}

TEST_F(Run, TellsHowTheCommandFailed) {
  EXPECT_EQ(run_it({"sh", "-c", "kill -TERM $$"}).code, 128 + SIGTERM);
  EXPECT_EQ(run_it({"sh", "-c", "kill -KILL $$"}).code, 128 + SIGKILL);
  const Finished missing = run_it({"no-such-command-here"});
  EXPECT_EQ(missing.code, 127);
  EXPECT_EQ(missing.err, "scratchfs: no-such-command-here: No such file or directory\n");
  EXPECT_EQ(run_it({"/etc/passwd"}).code, 126);
}

TEST_F(Run, SaysWhyThereIsNoMount) {
  const Finished usage = run({scratchfs_binary(), "run", "-o", "memory=lots", "--", "true"},
                             {.environment = environment()});
  EXPECT_EQ(usage.code, 2);
  const Finished failed =
      run({scratchfs_binary(), "run", "-o", "spill_dir=/no/such/place", "--", "true"},
          {.environment = environment()});
  EXPECT_EQ(failed.code, 125);
  EXPECT_NE(failed.err.find("/no/such/place"), std::string::npos) << failed.err;
  EXPECT_EQ(std::count(failed.err.begin(), failed.err.end(), '\n'), 1) << failed.err;
}

TEST_F(Run, PassesSignalsOn) {
  for (const auto& [number, name] :
       {std::pair(SIGTERM, "TERM"), {SIGINT, "INT"}, {SIGHUP, "HUP"}, {SIGUSR1, "USR1"}}) {
    Child job = start(std::string("trap 'exit 33' ") + name + "; " + touch("ready") +
                      "while :; do sleep 0.05; done");
    kill(job.pid(), number);
    EXPECT_EQ(wait_for(job), 33) << name;
    expect_nothing_left();
    unlink(mark("ready").c_str());
  }
}

TEST_F(Run, StopsAndContinuesWithItsCommandAsAShellWantsOfAJob) {
  Child job = start("child=$$; " + touch("ready") + "kill -STOP $$; exit 5");
  siginfo_t info{};
  ASSERT_TRUE(eventually(
      [&] {
        info = {};
        return waitid(P_PID, static_cast<id_t>(job.pid()), &info, WSTOPPED | WNOHANG) == 0 &&
               info.si_pid == job.pid();
      },
      10))
      << "the command has stopped, and so must what the shell waits for";
  kill(job.pid(), SIGCONT);
  EXPECT_EQ(wait_for(job), 5);
}

TEST_F(Run, IsWipedWhenItIsKilled) {
  Child job = start("echo x > \"$TMPDIR/d\"; mktemp -d; " + touch("ready") + "exec sleep 60");
  EXPECT_EQ(mounts_below(place_).size(), 1U);
  job.kill(SIGKILL);
  job.join();
  expect_nothing_left();
}

TEST_F(Run, ItsMountIsDetachedWhenTheDaemonIsKilled) {
  Child job = start("cd /; " + touch("ready") + "while test -d \"$TMPDIR\"; do sleep 0.05; done; " +
                    "exit 3");
  const pid_t victim = daemon();
  ASSERT_NE(victim, 0);
  kill(victim, SIGKILL);
  EXPECT_EQ(wait_for(job), 3) << "the command goes on without it";
  expect_nothing_left();
}

TEST_F(Run, WhatTheCommandLeavesBehindLosesTheMount) {
  const Finished finished =
      run_it({"sh", "-c", "cd \"$TMPDIR\"; sleep 2 > open 2>/dev/null < /dev/null & echo started"});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(mounts_below(place_).empty()) << "though a process still uses it";
  EXPECT_TRUE(names_in(place_).empty());
}

}  // namespace
}  // namespace scratchfs::harness
