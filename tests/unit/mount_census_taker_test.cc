#include "mount/census_taker.h"

#include <gtest/gtest.h>

namespace scratchfs::mount {
namespace {

using namespace std::chrono_literals;

class CensusTakerTest : public testing::Test {
 protected:
  CensusTaker::Clock::time_point now_;
  std::chrono::milliseconds takes_{0};
  std::uint64_t taken_ = 0;
  CensusTaker taker_{[this] {
                       now_ += takes_;
                       tree::Census census;
                       census.objects = ++taken_;
                       return census;
                     },
                     [this] { return now_; }};
};

TEST_F(CensusTakerTest, WhatCostsNothingIsCountedEachTime) {
  EXPECT_EQ(taker_.get().census->objects, 1U);
  EXPECT_EQ(taker_.get().census->objects, 2U);
}

TEST_F(CensusTakerTest, WhatTakesLongIsCountedOnceInFiftyTimesThat) {
  takes_ = 100ms;
  EXPECT_EQ(taker_.get().age, 0ns);
  now_ += 4999ms;
  EXPECT_EQ(taker_.get().census->objects, 1U);
  EXPECT_EQ(taker_.get().age, 4999ms);
  now_ += 1ms;
  EXPECT_EQ(taker_.get().census->objects, 2U);
}

}  // namespace
}  // namespace scratchfs::mount
