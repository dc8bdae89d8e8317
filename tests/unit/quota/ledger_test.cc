#include "fs/quota/ledger.h"

#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include "tests/fakes/scarce_memory_new.h"
#include "tests/unit/quota/users.h"

namespace scratchfs::quota {
namespace {

Ledger::Options everyone(std::uint64_t bytes, std::uint64_t inodes = kUnlimited) {
  return {.everyone = {.bytes = bytes, .inodes = inodes}, .overrides = {}};
}

TEST(Ledger, KeepsOneAccountPerUserAtOneAddress) {
  Ledger ledger({});
  Account* const first = &ledger.account(kAlice);
  for (uid_t uid = 2000; uid < 3000; ++uid) ledger.account(uid);
  EXPECT_EQ(&ledger.account(kAlice), first);
  EXPECT_NE(&ledger.account(kBob), first);
}

TEST(Ledger, KnowsNobodyForWhomItHadNoMemory) {
  Ledger ledger({});
  for (std::uint64_t spared = 0;; ++spared) {
    const uid_t uid = kAlice + static_cast<uid_t>(spared);
    bool happened = false;
    {
      const fakes::OneFailure failure(spared);
      try {
        ledger.account(uid);
      } catch (const std::bad_alloc&) {
        EXPECT_TRUE(failure.happened());
      }
      happened = failure.happened();
    }
    EXPECT_EQ(ledger.row(uid).usage, Usage{});
    EXPECT_EQ(ledger.total(), Usage{});
    EXPECT_TRUE(ledger.table().empty());
    ledger.set_everyone({.bytes = spared});
    if (!happened) return;
  }
}

TEST(Ledger, RefusesGrowthOverTheLimitAndLeavesEverythingAsItWas) {
  Ledger ledger(everyone(10'000, 2));
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.bytes = 10'000, .inodes = 1}));
  EXPECT_TRUE(charge.grow({.bytes = 1}).is(base::Errno(EDQUOT)));
  EXPECT_TRUE(charge.grow({.bytes = kUnlimited}).is(base::Errno(EDQUOT)));
  EXPECT_TRUE(charge.grow({.inodes = 2}).is(base::Errno(EDQUOT)));
  EXPECT_EQ(charge.usage(), (Usage{.bytes = 10'000, .inodes = 1}));
  EXPECT_EQ(ledger.row(kAlice).usage, (Usage{.bytes = 10'000, .inodes = 1}));
  EXPECT_TRUE(charge.grow({.inodes = 1}));
}

TEST(Ledger, GivesBytesBackWhereTheInodesOfTheSameCallDoNotFit) {
  Ledger ledger(everyone(10'000, 1));
  Charge charge(ledger, ledger.account(kAlice));
  EXPECT_TRUE(charge.grow({.bytes = 5'000, .inodes = 2}).is(base::Errno(EDQUOT)));
  EXPECT_EQ(ledger.row(kAlice).usage, Usage{});
  EXPECT_EQ(ledger.total(), Usage{});
}

TEST(Ledger, CountsAllFilesOfAUserTogetherAndUsersApart) {
  Ledger ledger(everyone(10'000));
  Charge first(ledger, ledger.account(kAlice));
  Charge second(ledger, ledger.account(kAlice));
  Charge other(ledger, ledger.account(kBob));
  ASSERT_TRUE(first.grow({.bytes = 6'000}));
  EXPECT_TRUE(second.grow({.bytes = 6'000}).is(base::Errno(EDQUOT)));
  EXPECT_TRUE(other.grow({.bytes = 6'000}));
  first.shrink({.bytes = 2'001});
  EXPECT_TRUE(second.grow({.bytes = 6'000}));
  EXPECT_EQ(ledger.total().bytes, 3'999U + 6'000U + 6'000U);
}

TEST(Ledger, LeavesRootUnlimitedUnlessItHasALimitOfItsOwn) {
  Ledger ledger(everyone(100));
  Charge charge(ledger, ledger.account(0));
  EXPECT_TRUE(charge.grow({.bytes = 1ULL << 50}));
  EXPECT_EQ(ledger.row(0).limits, Limits{});
  ledger.set_everyone({.bytes = 50});
  EXPECT_EQ(ledger.row(0).limits, Limits{});
  ledger.set_limits(0, Limits{.bytes = 1ULL << 50});
  EXPECT_TRUE(charge.grow({.bytes = 1}).is(base::Errno(EDQUOT)));
}

TEST(Ledger, PutsAUsersOwnLimitsBeforeTheDefault) {
  Ledger ledger({.everyone = {.bytes = 100}, .overrides = {{kAlice, {.bytes = 200}}}});
  Charge alice(ledger, ledger.account(kAlice));
  Charge bob(ledger, ledger.account(kBob));
  EXPECT_TRUE(alice.grow({.bytes = 200}));
  EXPECT_TRUE(bob.grow({.bytes = 200}).is(base::Errno(EDQUOT)));
  EXPECT_TRUE(ledger.row(kAlice).has_override);
  EXPECT_FALSE(ledger.row(kBob).has_override);
}

TEST(Ledger, ChangesLimitsUnderLivingCharges) {
  Ledger ledger(everyone(100));
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.bytes = 100}));
  ledger.set_limits(kAlice, Limits{.bytes = 150});
  EXPECT_TRUE(charge.grow({.bytes = 50}));
  ledger.set_limits(kAlice, std::nullopt);
  EXPECT_EQ(ledger.row(kAlice).limits.bytes, 100U);
  EXPECT_TRUE(charge.grow({.bytes = 1}).is(base::Errno(EDQUOT)));
  ledger.set_everyone({.bytes = 200});
  EXPECT_TRUE(charge.grow({.bytes = 50}));
}

TEST(Ledger, LetsAUserOverALoweredLimitShrinkAndGrowByNothing) {
  Ledger ledger({});
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.bytes = 1000, .inodes = 1}));
  ledger.set_limits(kAlice, Limits{.bytes = 100, .inodes = 5});
  EXPECT_TRUE(charge.grow({.bytes = 0}));
  EXPECT_TRUE(charge.grow({.inodes = 1}));
  EXPECT_TRUE(charge.grow({.bytes = 1}).is(base::Errno(EDQUOT)));
  charge.shrink({.bytes = 950});
  EXPECT_TRUE(charge.grow({.bytes = 50}));
}

TEST(Ledger, AnswersNoSpaceWhenTheMountsInodesAreUsedUp) {
  Ledger ledger({.everyone = {}, .overrides = {}, .total_inodes = 2});
  Charge alice(ledger, ledger.account(kAlice));
  Charge root(ledger, ledger.account(0));
  ASSERT_TRUE(alice.grow({.inodes = 1}));
  ASSERT_TRUE(root.grow({.inodes = 1}));
  EXPECT_TRUE(alice.grow({.bytes = 7, .inodes = 1}).is(base::Errno(ENOSPC)));
  EXPECT_EQ(ledger.row(kAlice).usage, (Usage{.bytes = 0, .inodes = 1}));
  EXPECT_EQ(ledger.total_inode_limit(), 2U);
  root.shrink({.inodes = 1});
  EXPECT_TRUE(alice.grow({.inodes = 1}));
}

TEST(Ledger, ListsWhoUsesSomethingOrHasLimitsOfItsOwnByUid) {
  Ledger ledger({.everyone = {.bytes = 100}, .overrides = {{kBob, {.bytes = 5}}}});
  ledger.account(3000);  // not listed, because it uses nothing
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.bytes = 10}));
  const std::vector<AccountRow> table = ledger.table();
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(table[0].uid, kAlice);
  EXPECT_EQ(table[0].usage.bytes, 10U);
  EXPECT_EQ(table[0].limits.bytes, 100U);
  EXPECT_EQ(table[1].uid, kBob);
  EXPECT_TRUE(table[1].has_override);
}

TEST(Ledger, AnswersForAUserItHasNeverSeen) {
  Ledger ledger(everyone(100));
  const AccountRow row = ledger.row(4242);
  EXPECT_EQ(row.uid, uid_t{4242});
  EXPECT_EQ(row.usage, Usage{});
  EXPECT_EQ(row.limits.bytes, 100U);
}

TEST(Charge, GivesEverythingBackWhenItEnds) {
  Ledger ledger({});
  {
    Charge charge(ledger, ledger.account(kAlice));
    ASSERT_TRUE(charge.grow({.bytes = 123, .inodes = 1}));
    EXPECT_EQ(ledger.total(), (Usage{.bytes = 123, .inodes = 1}));
    EXPECT_EQ(ledger.total_inodes(), 1U);
  }
  EXPECT_EQ(ledger.total(), Usage{});
  EXPECT_TRUE(ledger.table().empty());
}

TEST(Charge, MovesAllOfItToAnotherUser) {
  Ledger ledger({});
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.bytes = 50, .inodes = 1}));
  ASSERT_TRUE(charge.move_to(ledger.account(kBob)));
  EXPECT_EQ(ledger.row(kAlice).usage, Usage{});
  EXPECT_EQ(ledger.row(kBob).usage, (Usage{.bytes = 50, .inodes = 1}));
  EXPECT_EQ(ledger.total(), (Usage{.bytes = 50, .inodes = 1}));
  charge.shrink({.bytes = 50});
  EXPECT_EQ(ledger.row(kBob).usage, (Usage{.bytes = 0, .inodes = 1}));
}

TEST(Charge, StaysWhereItIsWhenTheOtherUserHasNoRoom) {
  Ledger ledger({.everyone = {}, .overrides = {{kBob, {.bytes = 49}}}});
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.bytes = 50, .inodes = 1}));
  EXPECT_TRUE(charge.move_to(ledger.account(kBob)).is(base::Errno(EDQUOT)));
  EXPECT_EQ(ledger.row(kAlice).usage, (Usage{.bytes = 50, .inodes = 1}));
  EXPECT_EQ(ledger.row(kBob).usage, Usage{});
}

TEST(Charge, MovesToItsOwnUserEvenOverTheLimit) {
  Ledger ledger({});
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.bytes = 50}));
  ledger.set_limits(kAlice, Limits{.bytes = 1});
  EXPECT_TRUE(charge.move_to(ledger.account(kAlice)));
  EXPECT_EQ(ledger.row(kAlice).usage.bytes, 50U);
}

TEST(Ledger, NeverDriftsNorPassesALimitUnderConcurrentGrowthShrinkingAndMoves) {
  constexpr std::uint64_t kLimit = 1000;
  Ledger ledger(everyone(kLimit));
  std::vector<std::unique_ptr<Charge>> charges;
  for (int i = 0; i < 4; ++i) {
    charges.push_back(std::make_unique<Charge>(ledger, ledger.account(kAlice)));
  }
  std::atomic<bool> over{false};
  const auto work = [&](unsigned seed) {
    Charge& own = *charges[seed];
    std::uint64_t held = 0;
    for (unsigned i = 0; i < 20'000; ++i) {
      const std::uint64_t by = (i * 7 + seed * 13) % 400;
      if (own.grow({.bytes = by})) held += by;
      if (i % 5 == 0) (void)charges[(seed + 1) % 4]->move_to(ledger.account(i % 2 ? kAlice : kBob));
      if (i % 64 == 0 && ledger.row(kAlice).usage.bytes > kLimit) over = true;
      if (i % 3 == 0 && held > 0) {
        own.shrink({.bytes = held});
        held = 0;
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);

  std::uint64_t sum = 0;
  for (const auto& charge : charges) sum += charge->usage().bytes;
  EXPECT_EQ(ledger.total().bytes, sum);
  EXPECT_EQ(ledger.row(kAlice).usage.bytes + ledger.row(kBob).usage.bytes, sum);
  charges.clear();
  EXPECT_EQ(ledger.total(), Usage{});
}

}  // namespace
}  // namespace scratchfs::quota
