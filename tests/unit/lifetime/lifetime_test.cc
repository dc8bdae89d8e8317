#include "fs/lifetime/lifetime.h"

#include <gtest/gtest.h>

#include <functional>

namespace scratchfs::lifetime {
namespace {

// Calls `check` with every combination of facts.
void for_all_facts(const std::function<void(const LifetimeFacts&)>& check) {
  for (unsigned bits = 0; bits < 16; ++bits) {
    for (const std::uint32_t handles : {0U, 1U, 3U}) {
      check({.regular = (bits & 1) != 0,
             .handles = handles,
             .kept = (bits & 2) != 0,
             .claimed = (bits & 4) != 0,
             .in_held_directory = (bits & 8) != 0});
    }
  }
}

TEST(Lifetime, HoldsEverythingInMountMode) {
  for_all_facts([](const LifetimeFacts& facts) {
    EXPECT_TRUE(is_held(LifetimeMode::mount, facts));
    EXPECT_FALSE(close_can_delete(LifetimeMode::mount, facts));
  });
}

TEST(Lifetime, HoldsRegularFilesByHandlesAndKeepMarksAloneInStrictMode) {
  EXPECT_TRUE(is_held(LifetimeMode::strict, {.regular = true, .handles = 1}));
  EXPECT_TRUE(is_held(LifetimeMode::strict, {.regular = true, .kept = true}));
  EXPECT_FALSE(is_held(LifetimeMode::strict, {.regular = true}));
  EXPECT_FALSE(is_held(LifetimeMode::strict, {.regular = true, .claimed = true}));
  EXPECT_FALSE(is_held(LifetimeMode::strict, {.regular = true, .in_held_directory = true}));
}

TEST(Lifetime, HoldsWhatIsNoRegularFileAlwaysInStrictMode) {
  for_all_facts([](const LifetimeFacts& facts) {
    if (facts.regular) return;
    EXPECT_TRUE(is_held(LifetimeMode::strict, facts));
  });
}

TEST(Lifetime, HoldsByAnyHolderOfAnyTypeInClaimedMode) {
  for (const bool regular : {true, false}) {
    EXPECT_FALSE(is_held(LifetimeMode::claimed, {.regular = regular}));
    EXPECT_TRUE(is_held(LifetimeMode::claimed, {.regular = regular, .handles = 1}));
    EXPECT_TRUE(is_held(LifetimeMode::claimed, {.regular = regular, .kept = true}));
    EXPECT_TRUE(is_held(LifetimeMode::claimed, {.regular = regular, .claimed = true}));
    EXPECT_TRUE(is_held(LifetimeMode::claimed, {.regular = regular, .in_held_directory = true}));
  }
}

TEST(Lifetime, LetsACloseDeleteExactlyTheRegularFilesThatNothingElseHolds) {
  for (const LifetimeMode mode :
       {LifetimeMode::strict, LifetimeMode::claimed, LifetimeMode::mount}) {
    for_all_facts([mode](const LifetimeFacts& facts) {
      LifetimeFacts closed = facts;
      closed.handles = 0;
      EXPECT_EQ(close_can_delete(mode, facts), facts.regular && !is_held(mode, closed));
    });
  }
  EXPECT_TRUE(close_can_delete(LifetimeMode::strict, {.regular = true, .handles = 2}));
  EXPECT_TRUE(
      close_can_delete(LifetimeMode::strict, {.regular = true, .handles = 1, .claimed = true}));
  EXPECT_FALSE(
      close_can_delete(LifetimeMode::claimed, {.regular = true, .handles = 1, .claimed = true}));
  EXPECT_FALSE(close_can_delete(LifetimeMode::claimed, {.regular = false}));
}

}  // namespace
}  // namespace scratchfs::lifetime
