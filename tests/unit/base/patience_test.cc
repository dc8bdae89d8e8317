#include "fs/base/patience.h"

#include <gtest/gtest.h>

#include <thread>

#include "fs/base/mutex.h"

namespace scratchfs::base {
namespace {

using namespace std::chrono_literals;

// Waits for something that never happens; returns the error that ends the wait.
Errno wait_in_vain(Wait wait) {
  Mutex mutex;
  Condition never;
  Lock lock(mutex);
  while (!wait.over()) never.wait(mutex, wait);
  return *wait.over();
}

TEST(Patience, IsWithoutEndAtFirst) {
  const Patience patience;
  EXPECT_FALSE(patience.over());
  EXPECT_FALSE(patience.is_cut());
  EXPECT_FALSE(Wait::yes.over());
  EXPECT_FALSE(Wait::no.over());
}

TEST(Patience, WhoWaitsHasAnother) {
  const Patience patience;
  EXPECT_NE(Wait(patience), Wait::no);
  EXPECT_NE(Wait(patience), Wait::yes);
  EXPECT_EQ(Wait(patience).patience(), &patience);
}

TEST(Patience, EndsWithItsErrorWhereNothingComesOfIt) {
  const Patience patience(5ms, Errno(EIO));
  EXPECT_EQ(wait_in_vain(Wait(patience)), Errno(EIO));
  EXPECT_FALSE(patience.is_cut());
}

TEST(Patience, CountsFromTheLastProgress) {
  const Patience patience(1h, Errno(EIO));
  const auto before = patience.deadline();
  const auto later = Patience::Clock::now() + 10min;
  Wait(patience).progressed(later);
  EXPECT_EQ(patience.deadline(), later + 1h);
  EXPECT_GT(patience.deadline(), before);
  patience.progressed(later - 20min);
  EXPECT_EQ(patience.deadline(), later + 1h) << "earlier than what is known";
  EXPECT_EQ(patience.progress(), later);
}

TEST(Patience, ProgressAfterTheEndBeginsItAnew) {
  const Patience patience(1ms, Errno(EIO));
  EXPECT_EQ(wait_in_vain(Wait(patience)), Errno(EIO));
  patience.progressed(Patience::Clock::now() + 1h);
  EXPECT_FALSE(patience.over());
}

TEST(Patience, NoProgressProlongsItBeyondACut) {
  Patience patience(1h, Errno(EIO));
  patience.cut({}, Errno(EINTR));
  patience.progressed(Patience::Clock::now() + 1h);
  EXPECT_EQ(patience.over(), Errno(EINTR));
}

TEST(Patience, WithoutEndItHasNoneAfterProgressEither) {
  const Patience patience;
  patience.progressed();
  EXPECT_EQ(patience.deadline(), Patience::Clock::time_point::max());
}

TEST(Patience, ACutWakesWhoWaits) {
  Patience patience;
  std::thread cutter([&] { patience.cut({}, Errno(EINTR)); });
  EXPECT_EQ(wait_in_vain(Wait(patience)), Errno(EINTR));
  cutter.join();
}

TEST(Patience, ACutLeavesItsGrace) {
  Patience patience;
  const auto before = Patience::Clock::now();
  patience.cut(20ms, Errno(EINTR));
  EXPECT_TRUE(patience.is_cut());
  EXPECT_EQ(wait_in_vain(Wait(patience)), Errno(EINTR));
  EXPECT_GE(Patience::Clock::now(), before + 20ms);
}

TEST(Patience, TheFirstCutCounts) {
  Patience patience;
  patience.cut({}, Errno(EINTR));
  patience.cut(1h, Errno(ENOTCONN));
  EXPECT_EQ(patience.over(), Errno(EINTR));
}

TEST(Patience, ACutNeverProlongsIt) {
  Patience patience(1ms, Errno(EIO));
  const auto soon = patience.deadline();
  patience.cut(1h, Errno(EINTR));
  EXPECT_EQ(patience.deadline(), soon);
  EXPECT_EQ(wait_in_vain(Wait(patience)), Errno(EINTR));
}

TEST(Patience, WhatIsWaitedForStillWakes) {
  const Patience patience;
  Mutex mutex;
  Condition condition;
  bool ready = false;
  std::thread waker([&] {
    Lock lock(mutex);
    ready = true;
    condition.notify_all();
  });
  {
    Lock lock(mutex);
    while (!ready) condition.wait(mutex, Wait(patience));
  }
  waker.join();
  EXPECT_FALSE(patience.over());
}

}  // namespace
}  // namespace scratchfs::base
