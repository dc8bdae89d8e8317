// Many claimed files in many sessions: an end costs what its own files cost, and nobody looks
// through /proc while nothing has ended.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "fs/tree/member_claimants.h"
#include "tests/unit/processes_fixture.h"
#include "tests/unit/tree_fixture.h"

namespace scratchfs::tree {
namespace {

using Clock = std::chrono::steady_clock;

constexpr pid_t kSessions = 2000;
constexpr int kFilesEach = 50;

class ManyClaims : public TreeTest {
 protected:
  // Half of its files lie in a directory of its own.
  void fill(pid_t session) {
    const std::string name = "s" + std::to_string(session);
    const auto directory = make_directory(root_, name + ".d", session);
    for (int i = 1; i < kFilesEach; ++i) {
      const auto& parent = i % 2 == 0 ? directory : root_;
      make_file(parent, name + "-" + std::to_string(i), O_EXCL, session);
    }
  }
  // The fastest of some ends, in seconds.
  double time_of_ends(pid_t first, int count) {
    double best = std::numeric_limits<double>::max();
    for (pid_t session = first; session < first + count; ++session) {
      const auto start = Clock::now();
      claimants_.end(static_cast<ClaimantKey>(session));
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

  for (pid_t session = kFirst; session < kFirst + kSessions; ++session) fill(session);
  EXPECT_EQ(tree_->stats().inodes, static_cast<std::uint64_t>(kSessions) * kFilesEach);
  const double among_many = time_of_ends(kFirst, kEnds);
  EXPECT_LT(among_many, 10 * alone) << alone << " s alone";
  EXPECT_EQ(tree_->stats().inodes, static_cast<std::uint64_t>(kSessions - kEnds) * kFilesEach);
  for (pid_t session = kFirst + kEnds; session < kFirst + kSessions; ++session)
    claimants_.end(static_cast<ClaimantKey>(session));
  EXPECT_TRUE(names(root_).empty());
}

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
  bool becomes_empty(double seconds) {
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (!names(root_).empty()) {
      if (Clock::now() > until) return false;
      usleep(5000);
    }
    return true;
  }

  MemberClaimants kind_{session_membership(), {getpid()}};
};

TEST_F(ManySessions, AreLookedForOnlyWhenSomethingEnds) {
  std::vector<ChildProcess> sessions;
  for (pid_t i = 0; i < kSessions; ++i) sessions.emplace_back([] { setsid(); });
  for (const ChildProcess& session : sessions) fill(session.pid());
  EXPECT_EQ(tree_->stats().inodes, static_cast<std::uint64_t>(kSessions) * kFilesEach);
  EXPECT_EQ(kind_.looks(), 0U) << "nothing has ended";

  const std::string one = "s" + std::to_string(sessions.back().pid()) + ".d";
  sessions.pop_back();  // ends
  for (int i = 0; i < 200 && exists(root_, one); ++i) usleep(5000);
  EXPECT_FALSE(exists(root_, one));
  EXPECT_LE(kind_.looks(), 2U);

  for (const ChildProcess& session : sessions) kill(session.pid(), SIGKILL);
  const auto killed = Clock::now();
  sessions.clear();
  EXPECT_TRUE(becomes_empty(30));
  const double seconds = std::chrono::duration<double>(Clock::now() - killed).count();
  RecordProperty("seconds_for_all", std::to_string(seconds));
  EXPECT_LE(kind_.looks(), 100U) << "2000 sessions that end together do not take a look each";
}

}  // namespace
}  // namespace scratchfs::tree
