#include "fs/base/lock_order.h"

#include <gtest/gtest.h>

#include <thread>

#include "fs/base/mutex.h"

namespace scratchfs::base {
namespace {

using namespace std::chrono_literals;

// Excluded from the thread-safety analysis, which would reject the wrong lock orders tested here.
bool can_be_tried(Mutex& mutex) NO_THREAD_SAFETY_ANALYSIS {
  if (!mutex.try_lock()) return false;
  mutex.unlock();
  return true;
}

TEST(LockOrder, LetsRanksGrow) {
  Mutex rename(Rank::rename);
  SharedMutex directory(Rank::directory);
  Mutex inode(Rank::inode);
  Mutex leaf;
  const Lock first(rename);
  {
    const SharedLock second(directory);
    const Lock third(inode);
    const Lock fourth(leaf);
  }
  const Lock once_more(leaf);
}

TEST(LockOrder, IsEachThreadsOwn) {
  Mutex inode(Rank::inode);
  Mutex rename(Rank::rename);
  const Lock lock(inode);
  std::thread([&] { const Lock other(rename); }).join();
}

TEST(LockOrder, ForgetsWhatWasGivenBackInAnyOrder) {
  Mutex inode(Rank::inode);
  SharedMutex content(Rank::content);
  Mutex rename(Rank::rename);
  {
    Lock first(inode);
    const Lock second(content);
    first.unlock();
  }
  const Lock lock(rename);
}

TEST(LockOrder, LetsTheSecondOfOneRankBeTried) {
  Mutex one(Rank::inode);
  Mutex other(Rank::inode);
  const Lock lock(one);
  EXPECT_TRUE(can_be_tried(other));
}

TEST(LockOrder, LetsTheSecondOfOneRankFollowTheFirst) {
  SharedMutex parent(Rank::directory);
  SharedMutex child(Rank::directory);
  const Lock lock(parent);
  const Lock other(child, parent);
}

TEST(LockOrder, HoldsWhileAConditionIsWaitedFor) {
  Mutex inode(Rank::inode);
  Mutex leaf;
  Condition never;
  const Lock lock(inode);
  const Lock waiting(leaf);
  EXPECT_FALSE(never.wait_for(leaf, 1ms));
}

// Release builds do not check ranks: their locks are those of the standard library (mutex.h asserts
// equal sizes).
#ifndef NDEBUG

template <typename M>
void take(M& mutex) NO_THREAD_SAFETY_ANALYSIS {
  mutex.lock();
}
void share(SharedMutex& mutex) NO_THREAD_SAFETY_ANALYSIS { mutex.lock_shared(); }
void take_after(SharedMutex& mutex, const SharedMutex& first) NO_THREAD_SAFETY_ANALYSIS {
  mutex.lock_after(first);
}
void give_back(Mutex& mutex) NO_THREAD_SAFETY_ANALYSIS { mutex.unlock(); }

class LockOrderDeathTest : public testing::Test {
 protected:
  LockOrderDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  Mutex rename_{Rank::rename};
  SharedMutex directory_{Rank::directory};
  SharedMutex other_directory_{Rank::directory};
  Mutex inode_{Rank::inode};
  Mutex leaf_;
  Mutex other_leaf_;
};

TEST_F(LockOrderDeathTest, OneOfALowerRankEndsTheProcessAndBothAreTold) {
  const Lock lock(inode_);
  EXPECT_DEATH(take(rename_), "out of order: rename 0x[0-9a-f]+; this thread has inode 0x");
  EXPECT_DEATH(share(directory_), "out of order: directory .* has inode");
}

TEST_F(LockOrderDeathTest, SoDoesAnotherOfTheSameRank) {
  const SharedLock shared(directory_);
  EXPECT_DEATH(take(other_directory_), "out of order: directory .* has directory");
  const Lock lock(leaf_);
  EXPECT_DEATH(take(other_leaf_), "out of order: leaf .* has directory .* leaf");
}

TEST_F(LockOrderDeathTest, SoDoesTheSameOnceMore) {
  const SharedLock lock(directory_);
  EXPECT_DEATH(share(directory_), "taken twice: directory");
}

TEST_F(LockOrderDeathTest, SoDoesASecondWithoutTheFirst) {
  EXPECT_DEATH(take_after(directory_, other_directory_),
               "not after the first: directory .* has none");
}

TEST_F(LockOrderDeathTest, SoDoesASecondWhereALaterOneIsHeld) {
  const Lock first(directory_);
  const Lock later(inode_);
  EXPECT_DEATH(take_after(other_directory_, directory_), "out of order: directory");
}

TEST_F(LockOrderDeathTest, SoDoesGivingBackWhatAnotherHas) {
  EXPECT_DEATH(give_back(leaf_), "never taken: leaf");
}

#endif

}  // namespace
}  // namespace scratchfs::base
