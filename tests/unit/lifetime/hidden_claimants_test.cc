// Claims when /proc hides the processes of other users (proc(5), hidepid), as a daemon without root
// privileges sees it.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include <thread>

#include "fs/lifetime/member_claimants.h"
#include "tests/unit/lifetime/processes_fixture.h"

namespace scratchfs::lifetime {
namespace {

class UnderHidepid : public testing::Test {
 protected:
  // Runs `work` in an unprivileged process to which /proc shows only its own processes. Returns its
  // exit code.
  template <typename Work>
  static int observe(Work work) {
    const pid_t observer = fork();
    if (observer == 0) {
      constexpr uid_t kNobody = 65534;
      const bool hidden = unshare(CLONE_NEWNS) == 0 &&
                          mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                          mount("proc", "/proc", "proc", 0, "hidepid=2") == 0 &&
                          setresgid(kNobody, kNobody, kNobody) == 0 &&
                          setresuid(kNobody, kNobody, kNobody) == 0;
      if (!hidden || all_processes_are_shown()) _exit(99);
      _exit(work());
    }
    int status = 0;
    waitpid(observer, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

TEST_F(UnderHidepid, ASessionWhoseMembersAreHiddenLivesUntilTheLastHasEnded) {
  if (!kChildrenMayHaveThreads) GTEST_SKIP() << kNoThreads;
  int told[2];
  int orders[2];
  ASSERT_EQ(pipe(told), 0);
  ASSERT_EQ(pipe(orders), 0);
  // A session of root's with two members; the keeper ends them one by one on request.
  const pid_t keeper = fork();
  if (keeper == 0) {
    int inner[2];
    if (pipe(inner) != 0) _exit(1);
    ChildProcess leader([&] {
      setsid();
      const pid_t member = fork();
      if (member == 0) {
        while (true) pause();
      }
      if (::write(inner[1], &member, sizeof member) != sizeof member) _exit(1);
    });
    pid_t member = 0;
    if (read(inner[0], &member, sizeof member) != sizeof member) _exit(1);
    const pid_t number = leader.pid();
    if (::write(told[1], &number, sizeof number) != sizeof number) _exit(1);
    char order = 0;
    if (read(orders[0], &order, 1) != 1) _exit(1);
    leader.end();
    if (read(orders[0], &order, 1) != 1) _exit(1);
    kill(member, SIGKILL);
    _exit(0);
  }
  pid_t number = 0;
  ASSERT_EQ(read(told[0], &number, sizeof number), static_cast<ssize_t>(sizeof number));
  const int code = observe([&] {
    MemberClaimants kind(session_membership());
    Ends ends(kind);
    const auto key = static_cast<ClaimantKey>(number);
    kind.watch(key, number);
    if (::write(orders[1], "1", 1) != 1) return 1;
    if (ends.comes(key, 2 * kLongEnough)) return 2;
    if (::write(orders[1], "2", 1) != 1) return 1;
    return ends.comes(key) ? 0 : 3;
  });
  EXPECT_EQ(code, 0);
  waitpid(keeper, nullptr, 0);
}

TEST_F(UnderHidepid, AUserLivesAsLongAsTheKernelCountsProcessesOfIts) {
  if (!kChildrenMayHaveThreads) GTEST_SKIP() << kNoThreads;
  constexpr uid_t kUser = 61009;
  ChildProcess child([] { EXPECT_EQ(setresuid(kUser, kUser, kUser), 0); });
  int order[2];
  ASSERT_EQ(pipe(order), 0);
  std::thread ender([&] {
    char byte = 0;
    if (read(order[0], &byte, 1) == 1) child.end();
  });
  const int code = observe([&] {
    MemberClaimants kind(user_membership());
    Ends ends(kind);
    kind.watch(kUser, child.pid());
    if (ends.comes(kUser, kLongEnough)) return 2;
    if (::write(order[1], "1", 1) != 1) return 1;
    return ends.comes(kUser) ? 0 : 3;
  });
  EXPECT_EQ(code, 0);
  if (code == 2 || code == 99) {
    EXPECT_EQ(::write(order[1], "1", 1), 1);
  }
  ender.join();
}

}  // namespace
}  // namespace scratchfs::lifetime
