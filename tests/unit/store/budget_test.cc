#include "fs/store/budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/units.h"

namespace scratchfs::store {
namespace {

using base::Errno;
using namespace std::chrono_literals;

constexpr std::uint64_t kBudget = 8 * kMiB;

TEST(Budget, HasAscendingMarksForEveryBudget) {
  for (std::uint64_t budget = 8 * kMiB; budget < (std::uint64_t{1} << 45); budget *= 3) {
    const Marks marks = marks_of(budget, true);
    EXPECT_GT(marks.target, budget / 2);
    EXPECT_LT(marks.target, marks.trigger);
    EXPECT_LT(marks.trigger, marks.overwrite);
    EXPECT_LT(marks.overwrite, marks.budget);
    EXPECT_EQ(marks.budget, budget);
    EXPECT_EQ(marks_of(budget, false).trigger, budget)
        << "nothing is kept back for fetches without a spill file";
  }
}

TEST(Budget, GivesTakersTheTriggerOverwritersMoreAndReadersAll) {
  Budget budget(kBudget, true);
  const Marks marks = budget.marks();
  EXPECT_TRUE(budget.try_reserve(Need::take, marks.trigger));
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(base::kWouldBlock));
  EXPECT_TRUE(budget.try_reserve(Need::fetch, marks.budget - marks.trigger));
  EXPECT_TRUE(budget.try_reserve(Need::fetch, 1).is(base::kWouldBlock));
  EXPECT_TRUE(budget.try_reserve(Need::dirty, marks.overwrite - marks.trigger));
  EXPECT_TRUE(budget.try_reserve(Need::dirty, 1).is(base::kWouldBlock));
  EXPECT_EQ(budget.counts().used, kBudget);
  EXPECT_EQ(budget.counts().firm, marks.overwrite);
}

TEST(Budget, CountsCleanAsRoomForNoMoreThanItIs) {
  Budget budget(kBudget, true);
  ASSERT_TRUE(budget.try_reserve(Need::fetch, kBudget));
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(base::kWouldBlock))
      << "clean frames must be evicted first";
  budget.spilled(0, kMiB, 56);
  EXPECT_EQ(budget.counts().used, kBudget - kMiB + 56);
  EXPECT_TRUE(budget.try_reserve(Need::take, kMiB - 56));
  budget.forget(56);
  EXPECT_EQ(budget.counts().remembered, 0U);
}

TEST(Budget, TurnsCleanIntoFirmUpToTheOverwriteMark) {
  Budget budget(kBudget, true);
  ASSERT_TRUE(budget.try_reserve(Need::fetch, kBudget));
  const std::uint64_t most = budget.marks().overwrite;
  ASSERT_TRUE(budget.try_reserve(Need::dirty, most));
  EXPECT_TRUE(budget.try_reserve(Need::dirty, 1).is(base::kWouldBlock));
  budget.settle_dirty(most, false);
  EXPECT_EQ(budget.counts().firm, 0U);
  ASSERT_TRUE(budget.try_reserve(Need::dirty, most));
  budget.settle_dirty(most, true);
  EXPECT_EQ(budget.counts().firm, most);
  EXPECT_EQ(budget.counts().used, kBudget);
  budget.made_clean(most);
  EXPECT_EQ(budget.counts().firm, 0U);
}

TEST(Budget, LeavesRoomForFramesBesideSmallContents) {
  Budget budget(kBudget, true);
  EXPECT_TRUE(budget.add_small(kBudget / 2));
  EXPECT_TRUE(budget.add_small(kBudget / 2).is(Errno{ENOSPC}));
  EXPECT_TRUE(budget.may_remember(kBudget / 4));
  EXPECT_FALSE(budget.may_remember(kBudget / 4 + 1));
  budget.remove_small(kBudget / 2);
  EXPECT_EQ(budget.counts().used, 0U);
}

TEST(Budget, MakesRoomForObjectsWhileContentsCanLeave) {
  Budget budget(kBudget, true);
  ASSERT_TRUE(budget.try_reserve(Need::take, budget.marks().trigger));
  EXPECT_TRUE(budget.add_objects(kBudget / 2)) << "contents are to leave for it";
  EXPECT_GT(budget.counts().used, kBudget);
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(base::kWouldBlock));
  EXPECT_TRUE(budget.add_objects(kBudget / 2).is(Errno{ENOSPC})) << "three quarters are the most";
  budget.block(Errno{EIO}, budget.generation());
  EXPECT_TRUE(budget.add_objects(1).is(Errno{ENOSPC})) << "nothing can leave";
  budget.unblock();
  EXPECT_TRUE(budget.add_objects(1));
  Budget in_memory(kBudget, false);
  ASSERT_TRUE(in_memory.try_reserve(Need::take, kBudget - 1));
  EXPECT_TRUE(in_memory.add_objects(1));
  EXPECT_TRUE(in_memory.add_objects(1).is(Errno{ENOSPC}));
}

TEST(Budget, ServesWaitersInTurnAndNobodyPassesThem) {
  Budget budget(kBudget, true);
  const std::uint64_t all = budget.marks().trigger;
  ASSERT_TRUE(budget.try_reserve(Need::take, all));
  std::atomic<bool> served{false};
  std::thread waiter([&] {
    EXPECT_TRUE(budget.reserve(Need::take, kMiB, base::Wait::yes));
    served = true;
  });
  while (budget.wait_for_work() == 0U) {
  }
  budget.release(kMiB / 2, 0);
  // Succeeds only until the waiter is queued: nothing is granted ahead of a waiter.
  while (budget.try_reserve(Need::take, kMiB / 2)) budget.release(kMiB / 2, 0);
  EXPECT_FALSE(served);
  budget.release(kMiB / 2, 0);
  waiter.join();
  EXPECT_EQ(budget.counts().used, all);
}

TEST(Budget, FailsThoseWhomTheDiskCannotHelpAndNoOthers) {
  Budget budget(kBudget, true);
  ASSERT_TRUE(budget.try_reserve(Need::take, budget.marks().trigger));
  std::thread waiter(
      [&] { EXPECT_TRUE(budget.reserve(Need::take, kMiB, base::Wait::yes).is(Errno{EIO})); });
  std::this_thread::sleep_for(5ms);  // both orders give EIO
  budget.block(Errno{EIO}, budget.generation());
  waiter.join();
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(Errno{EIO}));
  EXPECT_TRUE(budget.reserve(Need::take, 1, base::Wait::yes).is(Errno{EIO}));
  EXPECT_TRUE(budget.try_reserve(Need::fetch, 4096));
  EXPECT_TRUE(budget.try_reserve(Need::dirty, 4096));
  budget.unblock();
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(base::kWouldBlock));
}

TEST(Budget, WhatIsBeingFreedIsWaitedForBeforeAnybodyFails) {
  Budget budget(kBudget, false);
  ASSERT_TRUE(budget.try_reserve(Need::take, kBudget));
  EXPECT_TRUE(budget.try_reserve(Need::take, kMiB).is(Errno{ENOSPC}));
  budget.freeing(3 * kMiB);
  EXPECT_TRUE(budget.try_reserve(Need::take, kMiB).is(base::kWouldBlock));
  std::thread first([&] { EXPECT_TRUE(budget.reserve(Need::take, 2 * kMiB, base::Wait::yes)); });
  budget.release(2 * kMiB, 0);
  first.join();
  std::thread second([&] {
    EXPECT_TRUE(budget.reserve(Need::take, 2 * kMiB, base::Wait::yes).is(Errno{ENOSPC}));
  });
  budget.release(kMiB, 0);
  std::this_thread::sleep_for(5ms);  // both orders give ENOSPC
  budget.freed(3 * kMiB);
  second.join();
  EXPECT_EQ(budget.counts().used, kBudget - kMiB);
}

TEST(Budget, IgnoresAVerdictThatIsOlderThanTheLastSuccess) {
  Budget budget(kBudget, true);
  ASSERT_TRUE(budget.try_reserve(Need::take, budget.marks().trigger));
  const auto before = budget.generation();
  budget.unblock();
  budget.block(Errno{EIO}, before);
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(base::kWouldBlock));
  budget.leaving(1);
  budget.block_full(budget.generation());
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(base::kWouldBlock))
      << "what is leaving may make room";
  budget.stays(1);
  budget.block_full(budget.generation());
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(Errno{ENOSPC}));
}

TEST(Budget, LetsTakersWaitAgainAfterAWriteThatSucceeded) {
  Budget budget(kBudget, true);
  ASSERT_TRUE(budget.try_reserve(Need::take, budget.marks().trigger));
  budget.leaving(4096);
  budget.block(Errno{EIO}, budget.generation());
  const auto before = budget.generation();
  budget.left(4096, true, true);
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(base::kWouldBlock));
  budget.block_full(before);
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(base::kWouldBlock)) << "that verdict is older";
}

TEST(Budget, AsksForWhatIsAboveTheTargetLessWhatIsLeaving) {
  Budget budget(kBudget, true);
  ASSERT_TRUE(budget.try_reserve(Need::take, budget.marks().target + 3 * 4096));
  EXPECT_EQ(budget.wait_for_work(), 3U * 4096);
  budget.leaving(4096);
  EXPECT_EQ(budget.wait_for_work(), 2U * 4096);
  budget.left(4096, true, false);
  EXPECT_EQ(budget.wait_for_work(), 3U * 4096);
  budget.stop();
  EXPECT_EQ(budget.wait_for_work(), std::nullopt);
}

TEST(Budget, GrowsAtOnceAndServesWhoWaits) {
  Budget budget(kBudget, true);
  ASSERT_TRUE(budget.try_reserve(Need::take, budget.marks().trigger));
  std::thread waiter([&] { EXPECT_TRUE(budget.reserve(Need::take, kMiB, base::Wait::yes)); });
  std::this_thread::sleep_for(5ms);  // both orders grant the request
  EXPECT_TRUE(budget.resize(2 * kBudget, 0));
  waiter.join();
  EXPECT_EQ(budget.marks().budget, 2 * kBudget);
  EXPECT_TRUE(budget.try_reserve(Need::take, kMiB));
}

TEST(Budget, ShrinksBelowWhatIsUsedAndFailsNobody) {
  Budget budget(8 * kBudget, true);
  const std::uint64_t used = budget.marks().target;
  ASSERT_TRUE(budget.try_reserve(Need::take, used));
  ASSERT_TRUE(budget.resize(kBudget, used));
  EXPECT_EQ(budget.wait_for_work(), used - budget.marks().target);
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(base::kWouldBlock));
  EXPECT_TRUE(budget.try_reserve(Need::fetch, kMiB / 2)) << "what is spilled can be read meanwhile";
  EXPECT_TRUE(budget.try_reserve(Need::fetch, 1).is(base::kWouldBlock));
  std::thread waiter([&] { EXPECT_TRUE(budget.reserve(Need::take, kMiB, base::Wait::yes)); });
  budget.spilled(used - kMiB, kMiB / 2, 0);
  waiter.join();
  EXPECT_EQ(budget.counts().used, 2 * kMiB);
  EXPECT_LE(budget.counts().used, budget.marks().target);
}

TEST(Budget, DoesNotShrinkWhereWhatIsThereHasNowhereToGo) {
  Budget budget(8 * kBudget, true);
  const std::uint64_t used = budget.marks().target;
  ASSERT_TRUE(budget.try_reserve(Need::take, used));
  EXPECT_TRUE(budget.resize(kBudget, used - kBudget).is(Errno{EBUSY})) << "too little spill";
  EXPECT_EQ(budget.marks().budget, 8 * kBudget);
  budget.release(used, 0);
  ASSERT_TRUE(budget.add_small(kBudget / 2 + 1));
  EXPECT_TRUE(budget.resize(kBudget, kBudget).is(Errno{EBUSY})) << "small contents never leave";
  EXPECT_TRUE(budget.resize(2 * kBudget, kBudget));
}

TEST(Budget, ShrinksWithoutASpillFileOnlyAboveWhatIsUsed) {
  Budget budget(2 * kBudget, false);
  ASSERT_TRUE(budget.try_reserve(Need::take, kBudget + 1));
  EXPECT_TRUE(budget.resize(kBudget, 0).is(Errno{EBUSY}));
  budget.release(1, 0);
  EXPECT_TRUE(budget.resize(kBudget, 0));
  EXPECT_TRUE(budget.try_reserve(Need::take, 1).is(Errno{ENOSPC}));
}

TEST(Budget, LowersTheTargetAloneToRelieveTheMachine) {
  Budget budget(kBudget, true);
  const Marks marks = budget.marks();
  EXPECT_EQ(budget.target(), marks.target);
  budget.relieve(2);
  EXPECT_EQ(budget.target(), marks.target - 2 * kBudget / 8);
  ASSERT_TRUE(budget.try_reserve(Need::take, marks.target));
  EXPECT_EQ(budget.wait_for_work(), 2 * kBudget / 8);
  EXPECT_TRUE(budget.try_reserve(Need::take, marks.trigger - marks.target)) << "no writer notices";
  for (unsigned eighths = 0; eighths < 20; ++eighths) {
    budget.relieve(eighths);
    EXPECT_GE(budget.target(), kBudget / 8);
    EXPECT_LE(budget.target(), marks.target);
  }
  budget.relieve(0);
  EXPECT_EQ(budget.target(), marks.target);
}

TEST(Budget, GrowsOlderWithWhatIsTakenAndFetched) {
  Budget budget(kBudget, true);
  const std::uint32_t before = budget.age();
  EXPECT_GT(before, 0U);
  for (std::uint32_t i = 1; i <= 2 * Budget::kAges; ++i) {
    const Need need = i % 2 == 0 ? Need::take : Need::fetch;
    ASSERT_TRUE(budget.try_reserve(need, kBudget / Budget::kAges));
    budget.release(need == Need::take ? kBudget / Budget::kAges : 0,
                   need == Need::take ? 0 : kBudget / Budget::kAges);
    EXPECT_EQ(budget.age(), before + i);
  }
}

TEST(Budget, AnswersWaitersWhenItStops) {
  Budget budget(kBudget, true);
  ASSERT_TRUE(budget.try_reserve(Need::take, budget.marks().trigger));
  std::thread waiter(
      [&] { EXPECT_TRUE(budget.reserve(Need::take, kMiB, base::Wait::yes).is(Errno{ENOSPC})); });
  std::this_thread::sleep_for(5ms);  // both orders end the wait
  budget.stop();
  waiter.join();
}

TEST(Budget, NeverExceedsItselfUnderContention) {
  Budget budget(kBudget, true);
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5000; ++round) {
        ASSERT_TRUE(budget.reserve(Need::take, 3 * kMiB, base::Wait::yes));
        budget.release(3 * kMiB, 0);
      }
    });
  }
  std::thread auditor([&] {
    while (!done) EXPECT_LE(budget.counts().used, kBudget);
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  auditor.join();
  EXPECT_EQ(budget.counts().used, 0U);
}

}  // namespace
}  // namespace scratchfs::store
