// Many claimed files in many sessions: ending a session costs in proportion to its own files, and
// /proc is not scanned while no session ends.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "fs/lifetime/member_claimants.h"
#include "tests/mounted/harness/environment.h"
#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

using Clock = std::chrono::steady_clock;

constexpr pid_t kSessions = 2000;
constexpr int kFilesEach = 50;

class ManyClaims : public TreeTest {
 protected:
  // Creates a session's files, half of them in a directory of its own.
  void fill(pid_t session) {
    const std::string name = "s" + std::to_string(session);
    const auto directory = make_directory(root_, name + ".d", session);
    for (int i = 1; i < kFilesEach; ++i) {
      const auto& parent = i % 2 == 0 ? directory : root_;
      make_file(parent, name + "-" + std::to_string(i), O_EXCL, session);
    }
  }
  // Returns the time of the fastest of `count` session ends, in seconds.
  double time_of_ends(pid_t first, int count) {
    double best = std::numeric_limits<double>::max();
    for (pid_t session = first; session < first + count; ++session) {
      const auto start = Clock::now();
      claimants_.end(static_cast<lifetime::ClaimantKey>(session));
      best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    return best;
  }
};

TEST_F(ManyClaims, TheEndOfOneSessionCostsWhatItsOwnFilesCost) {
  constexpr int kEnds = 20;
  constexpr pid_t kFirst = 1000;
  for (pid_t session = kFirst; session < kFirst + kEnds; ++session) fill(session);
  const double alone = time_of_ends(kFirst, kEnds);
  EXPECT_TRUE(names(root_).empty());
  forget_all();

  for (pid_t session = kFirst; session < kFirst + kSessions; ++session) fill(session);
  EXPECT_EQ(tree_->stats().inodes, static_cast<std::uint64_t>(kSessions) * kFilesEach);
  const double among_many = time_of_ends(kFirst, kEnds);
  EXPECT_LT(among_many, 10 * alone) << alone << " s alone";
  forget_all();
  EXPECT_EQ(tree_->stats().inodes, static_cast<std::uint64_t>(kSessions - kEnds) * kFilesEach);
  for (pid_t session = kFirst + kEnds; session < kFirst + kSessions; ++session)
    claimants_.end(static_cast<lifetime::ClaimantKey>(session));
  EXPECT_TRUE(names(root_).empty());
}

// Processes that each lead their own session, all started at once and reaped by their starter.
class Crowd {
 public:
  explicit Crowd(int count) {
    int told[2];
    EXPECT_EQ(pipe(told), 0);
    starter_ = fork();
    if (starter_ == 0) start(count, told[1]);
    close(told[1]);
    pid_t pid = 0;
    while (read(told[0], &pid, sizeof pid) == static_cast<ssize_t>(sizeof pid))
      pids_.push_back(pid);
    close(told[0]);
  }
  ~Crowd() {
    for (const pid_t pid : pids_) kill(pid, SIGKILL);
    kill(starter_, SIGKILL);
    waitpid(starter_, nullptr, 0);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  const std::vector<pid_t>& pids() const { return pids_; }
  pid_t end_last() {
    const pid_t pid = pids_.back();
    pids_.pop_back();
    kill(pid, SIGKILL);
    return pid;
  }
  void end_all() {
    for (const pid_t pid : pids_) kill(pid, SIGKILL);
    pids_.clear();
  }

 private:
  [[noreturn]] static void start(int count, int told) {
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < count; ++i) {
      if (fork() != 0) continue;
      setsid();
      const pid_t self = getpid();
      if (::write(told, &self, sizeof self) != sizeof self) _exit(1);
      close(told);
      while (true) pause();
    }
    close(told);
    while (true) pause();
  }

  pid_t starter_;
  std::vector<pid_t> pids_;
};

class ManySessions : public ManyClaims {
 protected:
  ManySessions() {
    rlimit files{.rlim_cur = 3 * kSessions, .rlim_max = 3 * kSessions};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
    tree_ = std::make_unique<Tree>(TreeOptions{}, *store_, ledger_, kind_);
    root_ = tree_->find(kRootId);
  }
  ~ManySessions() override {
    tree_.reset();
    start({});
  }
  bool become_none(double seconds) {
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    for (forget_all(); tree_->stats().inodes > 0; forget_all()) {
      if (Clock::now() > until) return false;
      usleep(5000);
    }
    return true;
  }

  lifetime::MemberClaimants kind_{lifetime::session_membership(), {getpid()}};
};

TEST_F(ManySessions, AreLookedForOnlyWhenSomethingEnds) {
  harness::allow_seconds(180);
  Crowd sessions(kSessions);
  ASSERT_EQ(sessions.pids().size(), static_cast<std::size_t>(kSessions));
  for (const pid_t pid : sessions.pids()) fill(pid);
  EXPECT_EQ(tree_->stats().inodes, static_cast<std::uint64_t>(kSessions) * kFilesEach);
  EXPECT_EQ(kind_.looks(), 0U) << "nothing has ended";

  const std::string one = "s" + std::to_string(sessions.end_last()) + ".d";
  for (int i = 0; i < 200 && exists(root_, one); ++i) usleep(5000);
  EXPECT_FALSE(exists(root_, one));
  EXPECT_LE(kind_.looks(), 2U);
  forget_all();
  EXPECT_EQ(tree_->stats().inodes, static_cast<std::uint64_t>(kSessions - 1) * kFilesEach);

  const auto looks = kind_.looks();
  sessions.end_all();
  EXPECT_TRUE(become_none(60));
  EXPECT_LE(kind_.looks() - looks, 50U) << "2000 that end together must not take a look each";
}

}  // namespace
}  // namespace scratchfs::tree
