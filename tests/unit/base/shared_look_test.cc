#include "fs/base/shared_look.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

namespace scratchfs::base {
namespace {

using namespace std::chrono_literals;
using Look = SharedLook<int>;

class SharedLookTest : public testing::Test {
 protected:
  std::atomic<Look::Clock::time_point> now_{Look::Clock::time_point{}};
  std::chrono::milliseconds takes_{0};
  int looks_ = 0;
  std::function<void()> meanwhile_ = [] {};
  void pass(std::chrono::milliseconds time) { now_ = now_.load() + time; }

  Look look_{[this] {
               pass(takes_);
               meanwhile_();
               return ++looks_;
             },
             50, [this] { return now_.load(); }};
};

TEST_F(SharedLookTest, WhatCostsNothingIsLookedAtEachTime) {
  EXPECT_EQ(*look_.get().value, 1);
  EXPECT_EQ(*look_.get().value, 2);
}

TEST_F(SharedLookTest, WhatTakesLongIsLookedAtOnceInSoManyTimesThat) {
  takes_ = 100ms;
  EXPECT_EQ(look_.get().age, 0ns);
  pass(4999ms);
  EXPECT_EQ(*look_.get().value, 1);
  EXPECT_EQ(look_.get().age, 4999ms);
  pass(1ms);
  EXPECT_EQ(*look_.get().value, 2);
}

TEST_F(SharedLookTest, WhoAsksWhileAnotherLooksIsToldWhatWasSeenLast) {
  takes_ = 100ms;
  look_.get();
  pass(6000ms);
  meanwhile_ = [this] { EXPECT_EQ(*look_.get().value, 1) << "else this would wait for itself"; };
  EXPECT_EQ(*look_.get().value, 2);
}

TEST_F(SharedLookTest, WhoKnowsNothingWaitsForTheOneWhoLooks) {
  takes_ = 100ms;
  std::promise<void> begun;
  std::promise<void> go_on;
  meanwhile_ = [&] {
    begun.set_value();
    go_on.get_future().wait();
  };
  auto first = std::async(std::launch::async, [&] { return *look_.get().value; });
  begun.get_future().wait();
  auto second = std::async(std::launch::async, [&] { return *look_.get().value; });
  go_on.set_value();
  EXPECT_EQ(first.get(), 1);
  EXPECT_EQ(second.get(), 1);
}

TEST_F(SharedLookTest, ALookThatFailsIsNobodysButTheOnes) {
  meanwhile_ = [] { throw std::runtime_error("no"); };
  EXPECT_THROW(look_.get(), std::runtime_error);
  meanwhile_ = [] {};
  EXPECT_EQ(*look_.get().value, 1);
}

}  // namespace
}  // namespace scratchfs::base
