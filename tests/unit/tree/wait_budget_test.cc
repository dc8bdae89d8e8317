#include "fs/tree/wait_budget.h"

#include <gtest/gtest.h>

namespace scratchfs::tree {
namespace {

using namespace std::chrono_literals;

constexpr uid_t kEve = 1;
constexpr uid_t kAnna = 2;

class WaitBudgets : public testing::Test {
 protected:
  WaitBudget budget_;
  const WaitBudget::Clock::time_point start_{100h};
};

TEST_F(WaitBudgets, EndsWhenItIsSpentAndComesBackByATenthASecond) {
  budget_.spend(kEve, WaitBudget::kOfOne - 1ms, start_);
  EXPECT_TRUE(budget_.has_left(kEve, start_));
  budget_.spend(kEve, 1ms, start_);
  EXPECT_FALSE(budget_.has_left(kEve, start_));
  budget_.spend(kEve, 100ms, start_);
  EXPECT_FALSE(budget_.has_left(kEve, start_ + 900ms));
  EXPECT_TRUE(budget_.has_left(kEve, start_ + 1100ms));
}

TEST_F(WaitBudgets, SmallStepsArePaidOffAsLargeOnesAre) {
  budget_.spend(kEve, WaitBudget::kOfOne, start_);
  for (int i = 1; i <= 5000; ++i) budget_.spend(kEve, 0ms, start_ + i * 1ms);
  budget_.spend(kEve, 490ms, start_ + 5s);
  EXPECT_TRUE(budget_.has_left(kEve, start_ + 5s));
  budget_.spend(kEve, 20ms, start_ + 5s);
  EXPECT_FALSE(budget_.has_left(kEve, start_ + 5s));
}

TEST_F(WaitBudgets, IsEachUsersOwnUpToAPoint) {
  budget_.spend(kEve, WaitBudget::kOfOne, start_);
  EXPECT_FALSE(budget_.has_left(kEve, start_));
  EXPECT_TRUE(budget_.has_left(kAnna, start_));
  // Many users, or one user with many uids.
  budget_.spend(kEve + 10, WaitBudget::kOfOne, start_);
  EXPECT_FALSE(budget_.has_left(kAnna, start_));
  EXPECT_TRUE(budget_.has_left(kAnna, start_ + 1s));
}

TEST_F(WaitBudgets, ManyUsersAreForgottenOnceTheyHavePaid) {
  for (uid_t user = 0; user < 5000; ++user) budget_.spend(user, 1us, start_ + user * 1ms);
  EXPECT_TRUE(budget_.has_left(0, start_ + 5s));
}

}  // namespace
}  // namespace scratchfs::tree
