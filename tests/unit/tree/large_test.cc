// Large files and trees: slow work is not done by a handler, and has no visible effect.
#include <linux/falloc.h>

#include "tests/unit/tree/tree_fixture.h"
#include "tests/units.h"

namespace scratchfs::tree {
namespace {

constexpr std::uint64_t kLargeFile = 2 * content::kMostFreedAtOnce;

class Large : public TreeTest {
 protected:
  Created make_large(const std::string& name, std::uint64_t bytes = kLargeFile) {
    auto file = create(root_, name, O_RDWR | O_CREAT | O_EXCL);
    const auto handle = tree_->handle(file.opened.handle);
    EXPECT_TRUE(tree_->allocate(*handle, 0, 0, bytes, Wait::yes));
    return file;
  }
  std::uint64_t charged() const { return ledger_.row(1000).usage.bytes; }
  AttributeChange size(std::uint64_t bytes) {
    AttributeChange change;
    change.size = bytes;
    return change;
  }
};

TEST_F(Large, AFileThatIsDeletedCostsNothingFromThatMomentOn) {
  const auto file = make_large("large");
  tree_->release(file.opened.handle);
  EXPECT_EQ(charged(), kLargeFile);
  ASSERT_TRUE(tree_->unlink(root_, "large", Wait::no));
  EXPECT_EQ(charged(), 0U);
  expect_clean_audit();
}

TEST_F(Large, SoDoesOneThatGoesWithItsLastHandleOrIsEmptied) {
  for (const bool by_open : {false, true}) {
    const auto file = make_large("large");
    if (by_open) {
      const auto opened = tree_->open(file.found.inode, O_WRONLY | O_TRUNC, 1000, false, Wait::no);
      ASSERT_TRUE(opened);
      tree_->release(opened->handle);
    } else {
      ASSERT_TRUE(tree_->set_attributes(file.found.inode, size(0), Wait::no));
    }
    EXPECT_EQ(charged(), 0U);
    EXPECT_EQ(file.found.inode->attributes().size, 0U);
    ASSERT_TRUE(tree_->allocate(*tree_->handle(file.opened.handle), 0, 0, kLargeFile, Wait::yes));
    ASSERT_TRUE(tree_->unlink(root_, "large", Wait::no));
    tree_->release(file.opened.handle);
    EXPECT_EQ(charged(), 0U);
  }
}

// The store has no room except what is being freed: the second file fails unless it waits for that.
TEST_F(Large, WhoNeedsTheRoomOfADeletedFileGetsIt) {
  constexpr std::uint64_t kNearlyAll = 480 * kMiB;
  for (int i = 0; i < 5; ++i) {
    const auto file = make_large("large", kNearlyAll);
    tree_->release(file.opened.handle);
    ASSERT_TRUE(tree_->unlink(root_, "large", Wait::no));
  }
}

TEST_F(Large, CuttingAPieceOffIsForWhoMayWait) {
  const auto file = make_large("large");
  const InodeRef& inode = file.found.inode;
  const auto handle = tree_->handle(file.opened.handle);
  EXPECT_TRUE(tree_->set_attributes(inode, size(1), Wait::no).is(base::kWouldBlock));
  constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  EXPECT_TRUE(tree_->allocate(*handle, kPunch, 0, kLargeFile, Wait::no).is(base::kWouldBlock));
  EXPECT_EQ(charged(), kLargeFile) << "nothing was done";
  EXPECT_TRUE(tree_->allocate(*handle, kPunch, 0, kMiB, Wait::no)) << "a small piece";
  EXPECT_TRUE(tree_->set_attributes(inode, size(2 * kLargeFile), Wait::no))
      << "growing frees nothing";
  EXPECT_TRUE(tree_->set_attributes(inode, size(2 * kMiB), Wait::yes));
  EXPECT_EQ(charged(), kMiB);
}

TEST_F(Large, MarkingOrMovingATreeIsForWhoMayWait) {
  const auto directory = make_directory(root_, "directory");
  const auto other = make_directory(root_, "other");
  ASSERT_TRUE(tree_->set_kept(directory, true, Wait::no)) << "nothing is in it yet";
  make_directory(directory, "inside");
  EXPECT_TRUE(tree_->set_kept(directory, false, Wait::no).is(base::kWouldBlock));
  const auto move = [&](Wait wait) {
    return tree_->rename(root_, "directory", other, "moved", RenameMode::replace, caller(), wait);
  };
  EXPECT_TRUE(move(Wait::no).is(base::kWouldBlock));
  EXPECT_EQ(names(root_), (std::vector<std::string>{"directory", "other"}));
  EXPECT_TRUE(move(Wait::yes));
  EXPECT_EQ(names(other), std::vector<std::string>{"moved"});
  EXPECT_TRUE(tree_->set_kept(directory, false, Wait::yes));
}

}  // namespace
}  // namespace scratchfs::tree
