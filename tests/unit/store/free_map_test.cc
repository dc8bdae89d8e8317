#include "fs/store/free_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace scratchfs::store {
namespace {

// Counts the free slots by taking them all from a copy.
std::uint32_t free_slots(FreeMap map) {
  const std::uint32_t length = map.length();
  std::uint32_t count = 0;
  for (SlotRun run = map.take(64); run.first < length; run = map.take(64)) count += run.count;
  return count;
}

TEST(FreeMap, GrowsByNeighboursWhenNothingIsFree) {
  FreeMap map;
  const SlotRun first = map.take(16);
  const SlotRun second = map.take(5);
  EXPECT_EQ(first.first, 0U);
  EXPECT_EQ(first.count, 16U);
  EXPECT_EQ(second.first, 16U);
  EXPECT_EQ(second.count, 5U);
  EXPECT_EQ(map.length(), 21U);
}

TEST(FreeMap, UsesFreedSlotsBeforeItGrows) {
  FreeMap map;
  map.take(200);
  map.free(150);
  map.free(7);
  EXPECT_EQ(map.take(1).first, 7U);
  EXPECT_EQ(map.take(4).first, 150U);
  EXPECT_EQ(map.take(1).first, 200U);
}

TEST(FreeMap, RatherTakesSlotsTogetherThanLow) {
  FreeMap map;
  map.take(300);
  map.free(3);
  for (std::uint32_t slot = 100; slot < 140; ++slot) map.free(slot);
  const SlotRun run = map.take(16);
  EXPECT_EQ(run.first, 100U);
  EXPECT_EQ(run.count, 16U);
  EXPECT_EQ(map.take(1).first, 3U);
}

TEST(FreeMap, TakesTheLongestRunWhenNoneIsLongEnough) {
  FreeMap map;
  map.take(100);
  for (const std::uint32_t slot : {10U, 20U, 21U, 22U, 40U}) map.free(slot);
  const SlotRun run = map.take(16);
  EXPECT_EQ(run.first, 20U);
  EXPECT_EQ(run.count, 3U);
  EXPECT_EQ(map.length(), 100U);
}

TEST(FreeMap, HandsOutStaleRunsAndNobodyGetsThemMeanwhile) {
  FreeMap map;
  map.take(100);
  for (std::uint32_t slot = 10; slot < 20; ++slot) map.free(slot);
  const SlotRun stale = map.take_stale(0, 4);
  EXPECT_EQ(stale.first, 10U);
  EXPECT_EQ(stale.count, 4U);
  EXPECT_EQ(map.take(16).first, 14U);
  map.put_given_back(stale);
  EXPECT_EQ(map.stale_slots(), 0U);
  EXPECT_EQ(map.take(16).first, 10U);
  EXPECT_EQ(free_slots(map), 0U);
}

TEST(FreeMap, IsNoLongerStaleWhenTakenAgain) {
  FreeMap map;
  map.take(10);
  map.free(4);
  map.take(1);
  EXPECT_EQ(map.stale_slots(), 0U);
  EXPECT_EQ(map.take_stale(0, 10).count, 0U);
}

TEST(FreeMap, CutsWhatIsFreeAtTheEnd) {
  FreeMap map;
  map.take(1000);
  for (std::uint32_t slot = 500; slot < 1000; ++slot) map.free(slot);
  map.free(3);
  EXPECT_EQ(map.needed_length(), 500U);
  map.cut(500);
  EXPECT_EQ(map.length(), 500U);
  EXPECT_EQ(free_slots(map), 1U);
  EXPECT_EQ(map.stale_slots(), 1U);
  EXPECT_EQ(map.take(1).first, 3U);
  EXPECT_EQ(map.take(2).first, 500U);
}

TEST(FreeMap, AgreesWithASimpleModelUnderRandomUse) {
  FreeMap map;
  std::vector<bool> used;
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    if (random() % 2 == 0) {
      const SlotRun run = map.take(1 + static_cast<std::uint32_t>(random() % 20));
      ASSERT_GT(run.count, 0U);
      if (used.size() < run.first + run.count) used.resize(run.first + run.count);
      for (std::uint32_t i = 0; i < run.count; ++i) {
        ASSERT_FALSE(used[run.first + i]);
        used[run.first + i] = true;
      }
    } else if (!used.empty()) {
      for (int i = 0; i < 10; ++i) {
        const auto slot = static_cast<std::uint32_t>(random() % used.size());
        if (used[slot]) map.free(slot);
        used[slot] = false;
      }
    }
    if (round % 100 == 0) {
      const std::uint32_t needed = map.needed_length();
      for (std::size_t slot = needed; slot < used.size(); ++slot) ASSERT_FALSE(used[slot]);
      if (needed > 0) {
        ASSERT_TRUE(used[needed - 1]);
      }
      map.cut(needed);
      used.resize(needed);
      for (SlotRun run = map.take_stale(0, 8); run.count > 0;
           run = map.take_stale(run.first + run.count, 8)) {
        map.put_given_back(run);
      }
      ASSERT_EQ(map.stale_slots(), 0U);
    }
    ASSERT_EQ(free_slots(map),
              static_cast<std::uint32_t>(std::count(used.begin(), used.end(), false)));
  }
}

}  // namespace
}  // namespace scratchfs::store
