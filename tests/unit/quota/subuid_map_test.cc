#include "fs/quota/subuid_map.h"

#include <gtest/gtest.h>

#include <vector>

#include "fs/quota/ledger.h"
#include "tests/unit/quota/users.h"

namespace scratchfs::quota {
namespace {

// Each user may have 10,000 bytes; Alice holds ten subordinate ids.
const Ledger::Options kAliceHolds{
    .everyone = {.bytes = 10'000}, .overrides = {}, .holders = Holders({{100'000, 10, kAlice}})};

TEST(Holders, AreFoundForTheirRangesAlone) {
  const Holders holders({{100'000, 65'536, kAlice}, {165'536, 10, kBob}});
  EXPECT_EQ(holders.holder_of(99'999), 99'999U);
  EXPECT_EQ(holders.holder_of(100'000), kAlice);
  EXPECT_EQ(holders.holder_of(165'535), kAlice);
  EXPECT_EQ(holders.holder_of(165'536), kBob);
  EXPECT_EQ(holders.holder_of(165'546), 165'546U);
  EXPECT_EQ(holders.holder_of(kAlice), kAlice);
  EXPECT_EQ(Holders().holder_of(5), 5U);
}

TEST(Holders, OfRangesThatOverlapTheFirstCounts) {
  const Holders holders({{20, 10, 1}, {40, 10, 2}, {10, 100, 3}, {25, 1, 4}});
  const auto is = [&](uid_t first, uid_t last, uid_t holder) {
    for (uid_t uid = first; uid <= last; ++uid) EXPECT_EQ(holders.holder_of(uid), holder) << uid;
  };
  is(10, 19, 3);
  is(20, 29, 1);
  is(30, 39, 3);
  is(40, 49, 2);
  is(50, 109, 3);
  EXPECT_EQ(holders.holder_of(110), 110U);
}

TEST(Holders, RootAndNobodyAtAllAreNotHeld) {
  const Holders holders({{0, 0xffff'ffff, kAlice}, {0xffff'fff0, 0xffff'ffff, kBob}});
  EXPECT_EQ(holders.holder_of(0), 0U);
  EXPECT_EQ(holders.holder_of(1), kAlice);
  EXPECT_EQ(holders.holder_of(0xffff'fffe), kAlice);
  EXPECT_EQ(holders.holder_of(0xffff'ffff), 0xffff'ffffU);
}

TEST(Holders, AreCharged) {
  Ledger ledger(kAliceHolds);
  Charge own(ledger, ledger.account(kAlice));
  Charge held(ledger, ledger.account(100'005));
  ASSERT_TRUE(own.grow({.bytes = 6'000}));
  EXPECT_TRUE(held.grow({.bytes = 6'000}).is(base::Errno(EDQUOT)));
  ASSERT_TRUE(held.grow({.bytes = 4'000}));
  EXPECT_EQ(ledger.row(100'009).uid, kAlice);
  EXPECT_EQ(ledger.row(100'009).usage.bytes, 10'000U);
  ASSERT_EQ(ledger.table().size(), 1U);
  EXPECT_TRUE(held.move_to(ledger.account(kAlice))) << "from one of his to another";
}

TEST(Holders, ThatChangeTakeWhatIsChargedAlongWhateverTheirLimits) {
  Ledger ledger(kAliceHolds);
  Charge bobs(ledger, ledger.account(kBob));
  Charge held(ledger, ledger.account(100'005));
  ASSERT_TRUE(bobs.grow({.bytes = 8'000, .inodes = 1}));
  ASSERT_TRUE(held.grow({.bytes = 8'000, .inodes = 2}));
  ledger.replace_holders(Holders({{100'000, 10, kBob}}));
  held.belong_to(ledger.account(100'005));
  EXPECT_EQ(ledger.row(kAlice).usage, Usage{});
  EXPECT_EQ(ledger.row(kBob).usage, (Usage{.bytes = 16'000, .inodes = 3}));
  EXPECT_TRUE(held.grow({.bytes = 1}).is(base::Errno(EDQUOT)));
  held.shrink({.bytes = 8'000, .inodes = 2});
  EXPECT_EQ(ledger.row(kBob).usage, (Usage{.bytes = 8'000, .inodes = 1}));
}

}  // namespace
}  // namespace scratchfs::quota
