#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>

#include "fs/tree/session_claimants.h"
#include "tests/unit/tree_fixture.h"

namespace scratchfs::tree {
namespace {

TEST(StemOfAName, IsWhatIsBeforeTheLastDotIfThatIsLongEnough) {
  EXPECT_EQ(stem_of("ccAbCdEf.ltrans0.o"), "ccAbCdEf.ltrans0");
  EXPECT_EQ(stem_of("ccAbCdEf.o"), "ccAbCdEf");
  EXPECT_EQ(stem_of("tmp.AbCdEf"), "tmp.AbCdEf");
  EXPECT_EQ(stem_of("plain"), "plain");
  EXPECT_EQ(stem_of("123456."), "123456");
}

TEST(AClaimant, CoversWhatBeginsWithAStemOfItsNamesInTheRoot) {
  Claimant claimant(1, "claimant");
  Dentry name{};
  ASSERT_TRUE(claimant.add(&name, {}, "abcdef", true));
  Dentry longer{};
  ASSERT_TRUE(claimant.add(&longer, {}, "abcdefzz", true));
  Dentry elsewhere{};
  ASSERT_TRUE(claimant.add(&elsewhere, {}, "elsewhere", false));
  EXPECT_TRUE(claimant.covers("abcdef"));
  EXPECT_TRUE(claimant.covers("abcdefzy")) << "a longer stem sorts between";
  EXPECT_FALSE(claimant.covers("abcde"));
  EXPECT_FALSE(claimant.covers("elsewhere.out"));
  claimant.remove(&name, "abcdef", true);
  EXPECT_FALSE(claimant.covers("abcdefzy"));
}

TEST(AClaimant, HoldsNothingMoreOnceItHasEnded) {
  Claimant claimant(1, "claimant");
  Dentry name{};
  ASSERT_TRUE(claimant.add(&name, {}, "name", true));
  EXPECT_EQ(claimant.end().size(), 1U);
  EXPECT_FALSE(claimant.add(&name, {}, "name", true));
  EXPECT_FALSE(claimant.covers("name"));
}

// A child in a session of its own that ends when its pipe is closed; `work` runs in it first.
class SessionOfAChild {
 public:
  template <typename Work>
  explicit SessionOfAChild(Work work) {
    int down[2];
    int up[2];
    EXPECT_EQ(pipe(down), 0);
    EXPECT_EQ(pipe(up), 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(down[1]);
      setsid();
      work();
      char byte = 0;
      if (::write(up[1], &byte, 1) != 1) _exit(1);
      while (read(down[0], &byte, 1) > 0) {
      }
      _exit(0);
    }
    close(down[0]);
    close(up[1]);
    control_ = down[1];
    char byte = 0;
    EXPECT_EQ(read(up[0], &byte, 1), 1);
    close(up[0]);
  }
  void end() {
    close(control_);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  int control_;
};

TEST(Sessions, AreIdentifiedAndTheUnseenAreTold) {
  SessionClaimants sessions;
  EXPECT_EQ(std::get<ClaimantKey>(sessions.identify(getpid())),
            static_cast<ClaimantKey>(getsid(0)));
  EXPECT_TRUE(std::holds_alternative<Unknowable>(sessions.identify(0)));
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  waitpid(gone, nullptr, 0);
  EXPECT_TRUE(std::holds_alternative<Vanished>(sessions.identify(gone)));
}

TEST(Sessions, AreDescribedWithTheirProgramAndTheNumberOfProcesses) {
  SessionClaimants sessions;
  SessionOfAChild child([] { prctl(PR_SET_NAME, "a (b) \n"); });
  const auto key = static_cast<ClaimantKey>(child.pid());
  const std::string number = "session " + std::to_string(child.pid());
  EXPECT_EQ(sessions.describe_now(std::vector{key, ClaimantKey{1U << 30}}),
            (std::vector{number + " (a (b) ?), 1 process", std::string("session 1073741824")}));
  child.end();
  EXPECT_EQ(sessions.describe_now(std::vector{key}), std::vector{number});
}

TEST(Sessions, EndWithTheirLastMember) {
  SessionClaimants sessions;
  std::promise<ClaimantKey> ended;
  sessions.on_ended([&](ClaimantKey key) { ended.set_value(key); });
  SessionOfAChild child([] {});
  sessions.watch(static_cast<ClaimantKey>(child.pid()), child.pid());
  child.end();
  auto key = ended.get_future();
  ASSERT_EQ(key.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(key.get(), static_cast<ClaimantKey>(child.pid()));
  sessions.stop();
}

TEST(Sessions, OutliveTheirLeader) {
  SessionClaimants sessions;
  std::promise<ClaimantKey> ended;
  auto key = ended.get_future();
  sessions.on_ended([&](ClaimantKey which) { ended.set_value(which); });
  int hold[2];
  ASSERT_EQ(pipe(hold), 0);
  SessionOfAChild leader([&] {
    close(hold[1]);
    if (fork() != 0) return;
    char byte = 0;
    while (read(hold[0], &byte, 1) > 0) {
    }
    _exit(0);
  });
  close(hold[0]);
  sessions.watch(static_cast<ClaimantKey>(leader.pid()), leader.pid());
  leader.end();
  EXPECT_EQ(key.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  close(hold[1]);
  EXPECT_EQ(key.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  sessions.stop();
}

}  // namespace
}  // namespace scratchfs::tree
