#include "fs/content/advance.h"

#include <gtest/gtest.h>

namespace scratchfs::content {
namespace {

class AdvanceTest : public ::testing::Test {
 protected:
  std::uint64_t charged() const { return charge_.usage().bytes; }

  limits::Ledger ledger_{limits::Ledger::Options{.each_user = {.bytes = 10'000}, .overrides = {}}};
  limits::Charge charge_{ledger_, ledger_.account(1000)};
};

TEST_F(AdvanceTest, ChargesAtOnceAndGivesBackWhatIsNotSpent) {
  {
    Advance advance(charge_);
    ASSERT_TRUE(advance.raise_to(5000));
    EXPECT_EQ(charged(), 5000U);
    advance.spend(2000);
    EXPECT_EQ(advance.bytes(), 3000U);
  }
  EXPECT_EQ(charged(), 2000U);
}

TEST_F(AdvanceTest, KeepsWhatItHasWhereMoreDoesNotFit) {
  Advance advance(charge_);
  ASSERT_TRUE(advance.raise_to(5000));
  EXPECT_TRUE(advance.raise_to(10'001).is(base::Errno(EDQUOT)));
  EXPECT_EQ(advance.bytes(), 5000U);
  EXPECT_TRUE(advance.raise_to(10'000));
  EXPECT_TRUE(advance.raise_to(1));
  EXPECT_EQ(advance.bytes(), 10'000U);
}

TEST_F(AdvanceTest, TakesAsManyUnitsAsFit) {
  Advance advance(charge_);
  EXPECT_EQ(advance.raise_to_most(16, 4096), 2U);
  EXPECT_EQ(charged(), 8192U);
  Advance none(charge_);
  EXPECT_EQ(none.raise_to_most(1, 4096), 0U);
  EXPECT_EQ(charged(), 8192U);
}

TEST_F(AdvanceTest, PartsHaveEndsOfTheirOwn) {
  Advance whole(charge_);
  ASSERT_TRUE(whole.raise_to(6000));
  {
    const Advance part = whole.split(4000);
    EXPECT_EQ(part.bytes(), 4000U);
    EXPECT_EQ(whole.bytes(), 2000U);
    EXPECT_EQ(charged(), 6000U);
  }
  EXPECT_EQ(charged(), 2000U);
  Advance moved(std::move(whole));
  moved.spend(2000);
  EXPECT_EQ(charged(), 2000U);
}

}  // namespace
}  // namespace scratchfs::content
