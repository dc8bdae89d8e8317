// Claims by session: when a session counts as over, and what it costs to find out.
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <chrono>
#include <thread>
#include <vector>

#include "fs/lifetime/member_claimants.h"
#include "tests/unit/lifetime/processes_fixture.h"

namespace scratchfs::lifetime {
namespace {

using base::Wait;

class Sessions : public testing::Test {
 protected:
  static ChildProcess session() {
    return ChildProcess([] { setsid(); });
  }
  MemberClaimants kind_{session_membership(), {getpid()}};
};

TEST_F(Sessions, AreIdentifiedByTheirLeader) {
  ChildProcess leader = session();
  const base::Caller caller = leader.caller();
  EXPECT_EQ(std::get<ClaimantKey>(kind_.identify(caller, Wait::no)), leader.key());
  leader.end();
  EXPECT_TRUE(std::holds_alternative<Vanished>(kind_.identify(caller, Wait::no)));
}

TEST_F(Sessions, AreUnknowableWhereTheCallerOrItsLeaderIsInAnotherPidNamespace) {
  EXPECT_TRUE(std::holds_alternative<Unknowable>(kind_.identify(caller_of(0), Wait::no)));
  if (geteuid() != 0) GTEST_SKIP() << "only root makes a pid namespace here";
  EXPECT_EXIT(
      {
        enter_pid_namespace();
        MemberClaimants kind(session_membership(), {getpid()});
        const auto who = kind.identify(caller_of(getpid()), Wait::no);
        _exit(std::holds_alternative<Unknowable>(who) ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(Sessions, AreDescribedWithTheirProgramAndTheNumberOfProcesses) {
  ChildProcess child([] {
    setsid();
    prctl(PR_SET_NAME, "a (b) \n");
  });
  const auto key = child.key();
  const std::string number = "session " + std::to_string(key);
  EXPECT_EQ(kind_.describe_now(std::vector{key, ClaimantKey{1U << 30}}),
            (std::vector{number + " (a (b) ?), 1 process", std::string("session 1073741824")}));
  child.end();
  // The result of a scan of /proc is reused for a while.
  while (kind_.describe_now(std::vector{key}) != std::vector{number}) std::this_thread::yield();
}

TEST_F(Sessions, EndWithTheirLastMember) {
  Ends ends(kind_);
  ChildProcess child = session();
  const auto key = child.key();
  kind_.watch(key, child.pid());
  child.end();
  EXPECT_TRUE(ends.comes(key));
}

TEST_F(Sessions, AreSeenToEndWhateverTheirFirstWatchHadNoMemoryFor) {
  Ends ends(kind_);
  for (std::uint64_t spared = 0;; ++spared) {
    ChildProcess child = session();
    const auto key = child.key();
    const bool happened = watch_with_failure(kind_, key, child.pid(), spared);
    child.end();
    ASSERT_TRUE(ends.comes(key)) << "the allocation after " << spared;
    if (!happened) return;
  }
}

TEST_F(Sessions, OutliveTheirLeader) {
  Ends ends(kind_);
  Gate gate;
  ChildProcess leader([&] {
    setsid();
    if (fork() != 0) return;
    gate.wait();
    _exit(0);
  });
  const auto key = leader.key();
  kind_.watch(key, leader.pid());
  leader.end();
  EXPECT_FALSE(ends.comes(key, kLongEnough));
  gate.open();
  EXPECT_TRUE(ends.comes(key));
}

TEST_F(Sessions, EndWhereOnlyZombiesAreLeft) {
  Ends ends(kind_);
  ChildProcess leader = session();
  kind_.watch(leader.key(), leader.pid());
  leader.end_unreaped();
  EXPECT_TRUE(ends.comes(leader.key(), 1.0));
}

TEST_F(Sessions, LiveWithAProcessWhoseMainThreadHasEnded) {
  if (!kChildrenMayHaveThreads) GTEST_SKIP() << kNoThreads;
  Ends ends(kind_);
  Gate gate;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    std::thread([&] {
      char byte = 0;
      if (::write(ready[1], &byte, 1) != 1) _exit(1);
      gate.wait();
      _exit(0);
    }).detach();
    syscall(SYS_exit, 0);  // ends only the main thread
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const auto key = static_cast<ClaimantKey>(child);
  kind_.watch(key, child);
  EXPECT_FALSE(ends.comes(key, kLongEnough));
  gate.open();
  EXPECT_TRUE(ends.comes(key));
  waitpid(child, nullptr, 0);
}

TEST_F(Sessions, AreWatchedThoughAThreadClaimsThatIsNotTheMainOne) {
  if (!kChildrenMayHaveThreads) GTEST_SKIP() << kNoThreads;
  Ends ends(kind_);
  Gate gate;
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  // A member of the session that is not its leader; the leader has ended.
  ChildProcess leader([&] {
    setsid();
    if (fork() != 0) return;
    std::thread([&] {
      const auto tid = static_cast<pid_t>(syscall(SYS_gettid));
      if (::write(told[1], &tid, sizeof tid) != sizeof tid) _exit(1);
      gate.wait();
      _exit(0);
    }).join();
  });
  pid_t thread = 0;
  ASSERT_EQ(read(told[0], &thread, sizeof thread), static_cast<ssize_t>(sizeof thread));
  const auto key = leader.key();
  leader.end();
  EXPECT_EQ(std::get<ClaimantKey>(kind_.identify(caller_of(thread), Wait::no)), key);
  kind_.watch(key, thread);
  EXPECT_FALSE(ends.comes(key, kLongEnough));
  EXPECT_EQ(kind_.looks(), 0U) << "its process was found without a look through /proc";
  gate.open();
  EXPECT_TRUE(ends.comes(key));
}

TEST_F(Sessions, ThatAreOverBeforeTheyAreWatchedEndAtOnce) {
  Ends ends(kind_);
  ChildProcess child = session();
  const auto key = child.key();
  const pid_t pid = child.pid();
  child.end();
  kind_.watch(key, pid);
  EXPECT_TRUE(ends.comes(key));
}

// clone3(2): makes a process with the given number.
pid_t fork_with_number(pid_t number) {
  struct {
    std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
  } arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&number);
  arguments.set_tid_size = 1;
  return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

TEST_F(Sessions, DoNotEndWhereTheirNumberIsUsedAgainByOneThatClaims) {
  if (geteuid() != 0) GTEST_FAIL() << "choosing a process's number needs root";
  ChildProcess first = session();
  const auto key = first.key();
  const auto number = static_cast<pid_t>(key);
  kind_.watch(key, number);
  first.end();
  // Nothing has been checked yet: the kind has not been started.
  Gate gate;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t second = fork_with_number(number);
  ASSERT_GE(second, 0) << errno;
  if (second == 0) {
    setsid();
    char byte = 0;
    if (::write(ready[1], &byte, 1) != 1) _exit(1);
    gate.wait();
    _exit(0);
  }
  EXPECT_EQ(second, number);
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  Ends ends(kind_);
  EXPECT_FALSE(ends.comes(key, kLongEnough)) << "what it claims must not go";
  gate.open();
  waitpid(second, nullptr, 0);
  EXPECT_TRUE(ends.comes(key));
}

TEST_F(Sessions, AreFollowedFromMemberToMember) {
  Ends ends(kind_);
  Gate gate;
  // A chain of processes, each of which ends once it has started the next.
  ChildProcess leader([&] {
    setsid();
    if (fork() != 0) return;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(600);
    while (std::chrono::steady_clock::now() < until) {
      if (fork() != 0) _exit(0);
      usleep(1000);
    }
    gate.wait();
    _exit(0);
  });
  const auto key = leader.key();
  kind_.watch(key, leader.pid());
  leader.end();
  EXPECT_FALSE(ends.comes(key, 1.0));
  gate.open();
  EXPECT_TRUE(ends.comes(key));
}

// As a daemon whose parent has ended before its setsid(2).
TEST_F(Sessions, EndWhenTheirLastMemberLeavesThem) {
  Ends ends(kind_);
  Gate leave;
  Gate end;
  ChildProcess leader([&] {
    setsid();
    if (fork() != 0) return;
    leave.wait();
    setsid();
    end.wait();
    _exit(0);
  });
  const auto key = leader.key();
  kind_.watch(key, leader.pid());
  leader.end();
  EXPECT_FALSE(ends.comes(key, kLongEnough));
  leave.open();
  EXPECT_TRUE(ends.comes(key));
}

TEST_F(Sessions, OfWhichManyEndAtOnceNeedNotOneLookEach) {
  constexpr std::size_t kSessions = 200;
  Ends ends(kind_);
  std::vector<ChildProcess> children;
  for (std::size_t i = 0; i < kSessions; ++i) {
    children.push_back(session());
    kind_.watch(children.back().key(), children.back().pid());
  }
  EXPECT_EQ(kind_.looks(), 0U) << "nothing has ended";
  const auto start = std::chrono::steady_clock::now();
  for (const ChildProcess& child : children) kill(child.pid(), SIGKILL);
  EXPECT_TRUE(ends.come(kSessions)) << "nobody reaps them";
  const auto looks = kind_.looks();
  const auto end = std::chrono::steady_clock::now();
  EXPECT_GE(looks, 2U) << "zombies";
  // Ends within 20 ms are handled in one scan. How many such intervals there were depends on the
  // machine.
  EXPECT_LE(looks, static_cast<std::uint64_t>((end - start) / std::chrono::milliseconds(20)));
  for (ChildProcess& child : children) child.end();
  EXPECT_EQ(kind_.looks(), looks);
}

TEST_F(Sessions, ThatAreReapedAtOnceNeedNoLook) {
  constexpr std::size_t kSessions = 100;
  std::vector<ChildProcess> children;
  for (std::size_t i = 0; i < kSessions; ++i) {
    children.push_back(session());
    kind_.watch(children.back().key(), children.back().pid());
  }
  children.clear();  // ends and reaps each before the kind starts to watch
  Ends ends(kind_);
  EXPECT_TRUE(ends.come(kSessions));
  EXPECT_EQ(kind_.looks(), 0U);
}

TEST(OwnProcesses, HoldNothing) {
  ChildProcess daemon([] { setsid(); });
  MemberClaimants kind(session_membership(), {daemon.pid()});
  Ends ends(kind);
  kind.watch(daemon.key(), daemon.pid());
  EXPECT_TRUE(ends.comes(daemon.key())) << "only the daemon itself is in that session";
}

}  // namespace
}  // namespace scratchfs::lifetime
