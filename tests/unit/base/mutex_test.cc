#include "fs/base/mutex.h"

#include <gtest/gtest.h>

#include <thread>

namespace scratchfs::base {
namespace {

using namespace std::chrono_literals;

TEST(Mutex, LetsOneIn) {
  Mutex mutex;
  Lock lock(mutex);
  bool taken = true;
  std::thread([&]() NO_THREAD_SAFETY_ANALYSIS {
    taken = mutex.try_lock();
    if (taken) mutex.unlock();
  }).join();
  EXPECT_FALSE(taken);
}

TEST(Mutex, IsFreeAfterALockWasLetGoAndAfterItsScope) {
  Mutex mutex;
  {
    Lock lock(mutex);
    lock.unlock();
    { Lock other(mutex); }
    lock.lock();
  }
  { Lock other(mutex); }
}

TEST(SharedMutex, LetsReadersInTogether) {
  SharedMutex mutex;
  SharedLock reader(mutex);
  std::thread([&] { SharedLock other(mutex); }).join();
}

TEST(Condition, WakesWhoWaitsAndTellsATimeout) {
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
    while (!ready) condition.wait(mutex);
    EXPECT_FALSE(condition.wait_for(mutex, 1ms));
  }
  waker.join();
}

}  // namespace
}  // namespace scratchfs::base
