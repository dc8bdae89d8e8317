#include "fs/base/deadline.h"

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

TEST(CancellableDeadline, IsWithoutEndAtFirst) {
  const CancellableDeadline deadline;
  EXPECT_FALSE(deadline.over());
  EXPECT_FALSE(deadline.is_cancelled());
  EXPECT_FALSE(Wait::yes.over());
  EXPECT_FALSE(Wait::no.over());
}

TEST(CancellableDeadline, WhoWaitsHasAnother) {
  const CancellableDeadline deadline;
  EXPECT_NE(Wait(deadline), Wait::no);
  EXPECT_NE(Wait(deadline), Wait::yes);
  EXPECT_EQ(Wait(deadline).deadline(), &deadline);
}

TEST(CancellableDeadline, EndsWithItsErrorWhereNothingComesOfIt) {
  const CancellableDeadline deadline(5ms, Errno(EIO));
  EXPECT_EQ(wait_in_vain(Wait(deadline)), Errno(EIO));
  EXPECT_FALSE(deadline.is_cancelled());
}

TEST(CancellableDeadline, CountsFromTheLastProgress) {
  const CancellableDeadline deadline(1h, Errno(EIO));
  const auto before = deadline.time();
  const auto later = CancellableDeadline::Clock::now() + 10min;
  Wait(deadline).progressed(later);
  EXPECT_EQ(deadline.time(), later + 1h);
  EXPECT_GT(deadline.time(), before);
  deadline.progressed(later - 20min);
  EXPECT_EQ(deadline.time(), later + 1h) << "earlier than what is known";
  EXPECT_EQ(deadline.progress(), later);
}

TEST(CancellableDeadline, ProgressAfterTheEndBeginsItAnew) {
  const CancellableDeadline deadline(1ms, Errno(EIO));
  EXPECT_EQ(wait_in_vain(Wait(deadline)), Errno(EIO));
  deadline.progressed(CancellableDeadline::Clock::now() + 1h);
  EXPECT_FALSE(deadline.over());
}

TEST(CancellableDeadline, NoProgressProlongsItBeyondACut) {
  CancellableDeadline deadline(1h, Errno(EIO));
  deadline.cancel({}, Errno(EINTR));
  deadline.progressed(CancellableDeadline::Clock::now() + 1h);
  EXPECT_EQ(deadline.over(), Errno(EINTR));
}

TEST(CancellableDeadline, WithoutEndItHasNoneAfterProgressEither) {
  const CancellableDeadline deadline;
  deadline.progressed();
  EXPECT_EQ(deadline.time(), CancellableDeadline::Clock::time_point::max());
}

TEST(CancellableDeadline, ACutWakesWhoWaits) {
  CancellableDeadline deadline;
  std::thread cutter([&] { deadline.cancel({}, Errno(EINTR)); });
  EXPECT_EQ(wait_in_vain(Wait(deadline)), Errno(EINTR));
  cutter.join();
}

TEST(CancellableDeadline, ACutLeavesItsGrace) {
  CancellableDeadline deadline;
  const auto before = CancellableDeadline::Clock::now();
  deadline.cancel(20ms, Errno(EINTR));
  EXPECT_TRUE(deadline.is_cancelled());
  EXPECT_EQ(wait_in_vain(Wait(deadline)), Errno(EINTR));
  EXPECT_GE(CancellableDeadline::Clock::now(), before + 20ms);
}

TEST(CancellableDeadline, TheFirstCutCounts) {
  CancellableDeadline deadline;
  deadline.cancel({}, Errno(EINTR));
  deadline.cancel(1h, Errno(ENOTCONN));
  EXPECT_EQ(deadline.over(), Errno(EINTR));
}

TEST(CancellableDeadline, ACutNeverProlongsIt) {
  CancellableDeadline deadline(1ms, Errno(EIO));
  const auto soon = deadline.time();
  deadline.cancel(1h, Errno(EINTR));
  EXPECT_EQ(deadline.time(), soon);
  EXPECT_EQ(wait_in_vain(Wait(deadline)), Errno(EINTR));
}

TEST(CancellableDeadline, WhatIsWaitedForStillWakes) {
  const CancellableDeadline deadline;
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
    while (!ready) condition.wait(mutex, Wait(deadline));
  }
  waker.join();
  EXPECT_FALSE(deadline.over());
}

}  // namespace
}  // namespace scratchfs::base
