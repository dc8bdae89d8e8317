#include "fs/tree/handle_budget.h"

#include <gtest/gtest.h>

#include <new>
#include <vector>

#include "tests/fakes/scarce_memory.h"
#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

std::vector<HandleRight> take_all(HandleBudget& budget, uid_t user) {
  std::vector<HandleRight> rights;
  while (auto right = budget.take(user)) rights.push_back(*std::move(right));
  return rights;
}

TEST(HandleBudget, AUserHasHalfAndRootTheRest) {
  HandleBudget budget(160);
  const auto alices = take_all(budget, 1000);
  EXPECT_EQ(alices.size(), 80U);
  const auto bobs = take_all(budget, 1001);
  EXPECT_EQ(bobs.size(), 70U) << "a sixteenth is root's";
  EXPECT_FALSE(budget.take(1002));
  EXPECT_EQ(take_all(budget, 0).size(), 10U);
}

TEST(HandleBudget, WhatIsGivenBackCanBeTakenAgain) {
  HandleBudget budget(16);
  for (int round = 0; round < 3; ++round) EXPECT_EQ(take_all(budget, 1000).size(), 8U);
}

TEST(HandleBudget, WhatThereIsNoMemoryForIsNotCounted) {
  HandleBudget budget(16);
  const auto take_without_memory = [&] {
    const fakes::OneFailure failure(0);
    return budget.take(1000);
  };
  for (int round = 0; round < 20; ++round) EXPECT_THROW(take_without_memory(), std::bad_alloc);
  EXPECT_EQ(take_all(budget, 1000).size(), 8U);
}

TEST(HandleBudget, ARightThatIsMovedIsGivenBackOnce) {
  HandleBudget budget(1);
  {
    std::optional<HandleRight> right = budget.take(0);
    ASSERT_TRUE(right);
    const HandleRight moved = *std::move(right);
    EXPECT_FALSE(budget.take(0));
  }
  EXPECT_TRUE(budget.take(0));
}

class Handles : public TreeTest {
 protected:
  Handles() { start({.lifetime = lifetime::LifetimeMode::mount, .max_handles = 8}); }
};

TEST_F(Handles, AreBoundedInEveryWayToOpenAFile) {
  const auto file = make_file(root_, "f");
  std::vector<HandleId> open;
  for (int i = 0; i < 4; ++i) {
    const auto opened = tree_->open(file, O_RDONLY, 1000, false, Wait::no);
    ASSERT_TRUE(opened);
    open.push_back(opened->handle);
  }
  EXPECT_TRUE(tree_->open(file, O_RDONLY, 1000, false, Wait::no).is(Errno(ENFILE)));
  EXPECT_TRUE(tree_->create(root_, "f", 0600, O_CREAT, caller(), Wait::no).is(Errno(ENFILE)));
  EXPECT_TRUE(tree_->create(root_, "new", 0600, O_CREAT, caller(), Wait::no).is(Errno(ENFILE)));
  EXPECT_TRUE(tree_->create_unnamed(root_, 0600, O_RDWR, caller(), Wait::yes).is(Errno(ENFILE)));
  EXPECT_FALSE(exists(root_, "new")) << "nothing was made";
  for (const HandleId handle : open) tree_->release(handle);
  EXPECT_TRUE(tree_->open(file, O_RDONLY, 1000, false, Wait::no));
}

}  // namespace
}  // namespace scratchfs::tree
