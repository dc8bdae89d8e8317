// Claims by process and by user: when they end.
#include "fs/lifetime/member_claimants.h"
#include "tests/fakes/scarce_memory_new.h"

#include <sys/syscall.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "tests/unit/base/soon.h"
#include "tests/unit/lifetime/processes_fixture.h"

namespace scratchfs::lifetime {
namespace {

using base::Wait;

TEST(Processes, ClaimForThemselvesWhateverThreadAsks) {
  MemberClaimants kind(process_membership());
  const auto self = static_cast<ClaimantKey>(getpid());
  EXPECT_EQ(std::get<ClaimantKey>(kind.identify(caller_of(getpid()), Wait::no)), self);
  std::thread([&] {
    const auto tid = static_cast<pid_t>(syscall(SYS_gettid));
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(std::get<ClaimantKey>(kind.identify(caller_of(tid), Wait::no)), self);
  }).join();
  EXPECT_TRUE(std::holds_alternative<Unknowable>(kind.identify(caller_of(0), Wait::no)));
}

TEST(Processes, EndAloneWhateverTheirSessionDoes) {
  MemberClaimants kind(process_membership());
  Ends ends(kind);
  ChildProcess one([] {});
  ChildProcess other([] {});
  kind.watch(one.key(), one.pid());
  kind.watch(other.key(), other.pid());
  one.end_unreaped();
  EXPECT_TRUE(ends.comes(one.key()));
  EXPECT_FALSE(ends.comes(other.key(), kLongEnough));
  EXPECT_EQ(kind.looks(), 0U) << "the kernel says all there is to know of a process";
  EXPECT_TRUE(kind.describe_now(std::vector{other.key()})
                  .front()
                  .starts_with("process " + std::to_string(other.pid()) + " ("));
}

TEST(Users, EndWithTheirLastProcess) {
  if (geteuid() != 0) GTEST_FAIL() << "becoming another user needs root";
  constexpr uid_t kUser = 61007;
  const auto as_user = [] { EXPECT_EQ(setresuid(kUser, kUser, kUser), 0); };
  MemberClaimants kind(user_membership());
  Ends ends(kind);
  std::optional<ChildProcess> first(std::in_place, as_user);
  ChildProcess second(as_user);
  const base::Caller caller{.uid = kUser, .gid = kUser, .pid = first->pid(), .umask = 022};
  EXPECT_EQ(std::get<ClaimantKey>(kind.identify(caller, Wait::no)), kUser);
  kind.watch(kUser, first->pid());
  EXPECT_EQ(kind.describe_now(std::vector<ClaimantKey>{kUser}).front().find("user 61007 ("), 0U);
  first->end();
  EXPECT_FALSE(ends.comes(kUser, kLongEnough));
  second.end();
  EXPECT_TRUE(ends.comes(kUser));
}

// A scan that cannot open files proves nothing.
TEST(Users, LastWhileThereAreNoDescriptorsToLookForThem) {
  if (kSanitizerTakesDescriptors) GTEST_SKIP() << kTakesDescriptors;
  if (geteuid() != 0) GTEST_FAIL() << "becoming another user needs root";
  constexpr uid_t kUser = 61011;
  const auto as_user = [] { EXPECT_EQ(setresuid(kUser, kUser, kUser), 0); };
  MemberClaimants kind(user_membership());
  Ends ends(kind);
  ChildProcess first(as_user);
  ChildProcess second(as_user);
  kind.watch(kUser, first.pid());
  {
    const NoMoreDescriptors none;
    EXPECT_FALSE(for_each_process([](const Process&) {}));
    first.end();
    EXPECT_FALSE(ends.comes(kUser, kLongEnough));
  }
  second.end();
  EXPECT_TRUE(ends.comes(kUser));
}

TEST(Processes, LastWhileThereAreNoDescriptorsToLookForThem) {
  if (kSanitizerTakesDescriptors) GTEST_SKIP() << kTakesDescriptors;
  MemberClaimants kind(process_membership());
  Ends ends(kind);
  ChildProcess child([] {});
  const auto key = static_cast<ClaimantKey>(child.pid());
  {
    const NoMoreDescriptors none;
    kind.watch(key, child.pid());
    EXPECT_FALSE(ends.comes(key, kLongEnough));
  }
  child.end();
  EXPECT_TRUE(ends.comes(key));
}

TEST(Users, AreThereAsLongAsAProcessActsForThem) {
  if (geteuid() != 0) GTEST_FAIL() << "becoming another user needs root";
  constexpr uid_t kUser = 61008;
  MemberClaimants kind(user_membership());
  Ends ends(kind);
  // As a set-uid program: the real user differs.
  ChildProcess acting([] { EXPECT_EQ(setresuid(0, kUser, 0), 0); });
  kind.watch(kUser, acting.pid());
  EXPECT_FALSE(ends.comes(kUser, kLongEnough));
  acting.end();
  EXPECT_TRUE(ends.comes(kUser));
}

// A claim made during a check must not be taken for ended by that check.
TEST(AnEnd, IsNotToldWhereAClaimCameAfterTheLook) {
  MemberClaimants kind(process_membership());
  ChildProcess child([] {});
  const auto key = child.key();
  int looks = 0;
  std::atomic<bool> ended = false;
  kind.start({[&](ClaimantKey) { return std::uint64_t{0}; },
              [&](ClaimantKey, std::uint64_t) {
                if (++looks < 3) return false;  // as if a claim had been made meanwhile
                ended = true;
                return true;
              }});
  kind.watch(key, child.pid());
  child.end();
  EXPECT_TRUE(soon([&] { return ended.load(); }));
  kind.stop();
  EXPECT_EQ(looks, 3);
}

}  // namespace
}  // namespace scratchfs::lifetime
