#include "fs/content/charge_reservation.h"

#include <gtest/gtest.h>

namespace scratchfs::content {
namespace {

class AdvanceTest : public ::testing::Test {
 protected:
  std::uint64_t charged() const { return charge_.usage().bytes; }

  quota::Ledger ledger_{quota::Ledger::Options{.everyone = {.bytes = 10'000}, .overrides = {}}};
  quota::Charge charge_{ledger_, ledger_.account(1000)};
};

TEST_F(AdvanceTest, ChargesAtOnceAndGivesBackWhatIsNotSpent) {
  {
    ChargeReservation reservation(charge_);
    ASSERT_TRUE(reservation.raise_to(5000));
    EXPECT_EQ(charged(), 5000U);
    reservation.spend(2000);
    EXPECT_EQ(reservation.bytes(), 3000U);
  }
  EXPECT_EQ(charged(), 2000U);
}

TEST_F(AdvanceTest, KeepsWhatItHasWhereMoreDoesNotFit) {
  ChargeReservation reservation(charge_);
  ASSERT_TRUE(reservation.raise_to(5000));
  EXPECT_TRUE(reservation.raise_to(10'001).is(base::Errno(EDQUOT)));
  EXPECT_EQ(reservation.bytes(), 5000U);
  EXPECT_TRUE(reservation.raise_to(10'000));
  EXPECT_TRUE(reservation.raise_to(1));
  EXPECT_EQ(reservation.bytes(), 10'000U);
}

TEST_F(AdvanceTest, TakesAsManyUnitsAsFit) {
  ChargeReservation reservation(charge_);
  EXPECT_EQ(reservation.raise_to_most(16, 4096), 2U);
  EXPECT_EQ(charged(), 8192U);
  ChargeReservation none(charge_);
  EXPECT_EQ(none.raise_to_most(1, 4096), 0U);
  EXPECT_EQ(charged(), 8192U);
}

TEST_F(AdvanceTest, PartsHaveEndsOfTheirOwn) {
  ChargeReservation whole(charge_);
  ASSERT_TRUE(whole.raise_to(6000));
  {
    const ChargeReservation part = whole.split(4000);
    EXPECT_EQ(part.bytes(), 4000U);
    EXPECT_EQ(whole.bytes(), 2000U);
    EXPECT_EQ(charged(), 6000U);
  }
  EXPECT_EQ(charged(), 2000U);
  ChargeReservation moved(std::move(whole));
  moved.spend(2000);
  EXPECT_EQ(charged(), 2000U);
}

}  // namespace
}  // namespace scratchfs::content
