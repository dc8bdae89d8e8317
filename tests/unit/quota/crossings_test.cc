// The ledger reports each user who comes near a limit, once.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "fs/quota/ledger.h"
#include "tests/unit/quota/users.h"

namespace scratchfs::quota {
namespace {

class Crossings : public testing::Test {
 protected:
  // Returns all crossings that wait to be reported.
  std::vector<std::string> told() {
    std::vector<std::string> lines;
    // Crossings are reported in order, so one of the user kMark now marks the end of the others.
    EXPECT_TRUE(mark_.grow({.bytes = 100}));
    while (const auto crossing = ledger_.next_crossing()) {
      if (crossing->uid == kMark) break;
      lines.push_back(std::to_string(crossing->uid) +
                      (crossing->of == Crossing::Of::bytes ? " bytes " : " inodes ") +
                      std::to_string(crossing->used) + "/" + std::to_string(crossing->limit));
    }
    mark_.shrink({.bytes = 100});
    return lines;
  }
  using Lines = std::vector<std::string>;

  static constexpr uid_t kMark = 9;
  Ledger ledger_{{.everyone = {.bytes = 1000, .inodes = 10},
                  .overrides = {{kMark, {.bytes = 100, .inodes = kUnlimited}}},
                  .warn_percent = 90}};
  Charge mark_{ledger_, ledger_.account(kMark)};
  Charge charge_{ledger_, ledger_.account(kAlice)};
};

TEST_F(Crossings, AreToldOnceAtTheThreshold) {
  ASSERT_TRUE(charge_.grow({.bytes = 899}));
  EXPECT_EQ(told(), Lines());
  ASSERT_TRUE(charge_.grow({.bytes = 1}));
  ASSERT_TRUE(charge_.grow({.bytes = 50}));
  EXPECT_EQ(told(), Lines{"1000 bytes 900/1000"});
}

TEST_F(Crossings, AreToldOfInodesToo) {
  ASSERT_TRUE(charge_.grow({.inodes = 9}));
  EXPECT_EQ(told(), Lines{"1000 inodes 9/10"});
}

TEST_F(Crossings, AreToldAgainOnlyWhenTheUseHadFallenWellBelow) {
  ASSERT_TRUE(charge_.grow({.bytes = 900}));
  charge_.shrink({.bytes = 90});  // to 810, a tenth below the threshold
  ASSERT_TRUE(charge_.grow({.bytes = 90}));
  EXPECT_EQ(told(), Lines{"1000 bytes 900/1000"});
  charge_.shrink({.bytes = 91});
  ASSERT_TRUE(charge_.grow({.bytes = 101}));
  EXPECT_EQ(told(), Lines{"1000 bytes 910/1000"});
}

TEST_F(Crossings, AreToldWhenALimitComesNear) {
  ASSERT_TRUE(charge_.grow({.bytes = 500}));
  ledger_.set_limits(kAlice, Limits{.bytes = 550});
  EXPECT_EQ(told(), Lines{"1000 bytes 500/550"});
  ledger_.set_limits(kAlice, Limits{.bytes = 2000});
  ASSERT_TRUE(charge_.grow({.bytes = 1300}));
  EXPECT_EQ(told(), Lines{"1000 bytes 1800/2000"});
  ledger_.set_limits(kAlice, Limits{});
  ASSERT_TRUE(charge_.grow({.bytes = 100'000}));
  EXPECT_EQ(told(), Lines());
}

TEST_F(Crossings, AreToldOfWhoeverIsGivenAFile) {
  Charge other(ledger_, ledger_.account(2000));
  ASSERT_TRUE(charge_.grow({.bytes = 950}));
  EXPECT_EQ(told(), Lines{"1000 bytes 950/1000"});
  ASSERT_TRUE(charge_.move_to(ledger_.account(2000)));
  EXPECT_EQ(told(), Lines{"2000 bytes 950/1000"});
}

TEST_F(Crossings, WaitUntilTheyAreEnded) {
  std::thread waiter([this] { EXPECT_FALSE(ledger_.next_crossing()); });
  ledger_.end_crossings();
  waiter.join();
}

TEST(CrossingsOfNothing, AreNone) {
  Ledger ledger({.everyone = {.bytes = 0}, .warn_percent = 90});
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.inodes = 1})) << "an empty file";
  EXPECT_EQ(share_of(0, 90), kUnlimited);
  Charge mark(ledger, ledger.account(2000));
  ledger.set_limits(2000, Limits{.bytes = 1});
  ASSERT_TRUE(mark.grow({.bytes = 1}));
  EXPECT_EQ(ledger.next_crossing()->uid, 2000U) << "the first there is";
}

TEST(CrossingsOff, NobodyIsTold) {
  Ledger ledger({.everyone = {.bytes = 100, .inodes = 1}});
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.bytes = 100, .inodes = 1}));
  ledger.end_crossings();
  EXPECT_FALSE(ledger.next_crossing());
}

TEST(ReplacedLimits, HoldForEverybodyAtOnce) {
  Ledger ledger({.everyone = {.bytes = 100}, .overrides = {{kAlice, {.bytes = 500}}}});
  Charge charge(ledger, ledger.account(kAlice));
  ASSERT_TRUE(charge.grow({.bytes = 400}));
  ledger.replace_limits({.bytes = 200}, {{2000, {.bytes = 300}}});
  EXPECT_EQ(ledger.row(kAlice).limits.bytes, 200U);
  EXPECT_FALSE(ledger.row(kAlice).has_override);
  EXPECT_EQ(ledger.row(2000).limits.bytes, 300U);
  EXPECT_TRUE(charge.grow({.bytes = 1}).is(base::Errno(EDQUOT)));
}

}  // namespace
}  // namespace scratchfs::quota
