// What a walk over all objects counts.
#include "fs/tree/census.h"

#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

using Held = Census::Held;

class CensusWhenClaimed : public TreeTest {
 protected:
  Held held() const { return tree_->census().held; }
};

TEST_F(CensusWhenClaimed, AnEmptyMountHasNothingInIt) {
  const Census census = tree_->census();
  EXPECT_EQ(census.objects, 0U);
  EXPECT_EQ(census.handles, 0U);
  EXPECT_EQ(census.held, Held{});
  EXPECT_TRUE(census.users.empty());
}

TEST_F(CensusWhenClaimed, CountsEachKindOfHolder) {
  const auto loose = create(root_, "loose", O_CREAT | O_RDWR);
  make_file(root_, "claimed", O_EXCL);
  const auto job = make_directory(root_, "job");
  const auto inside = make_file(job, "inside");
  ASSERT_TRUE(tree_->set_kept(inside, true, Wait::yes));
  const Census census = tree_->census();
  EXPECT_EQ(census.objects, 4U);
  EXPECT_EQ(census.handles, 1U);
  EXPECT_EQ(census.held, (Held{.handles = 1, .claims = 2, .directories = 1, .marks = 1}));
  tree_->release(loose.opened.handle);
  EXPECT_EQ(held(), (Held{.claims = 2, .directories = 1, .marks = 1}));
}

TEST_F(CensusWhenClaimed, AFileOfManyNamesAndHandlesIsOne) {
  const auto file = create(root_, "one", O_CREAT | O_EXCL | O_RDWR);
  ASSERT_TRUE(tree_->link(file.found.inode, root_, "two", caller(), Wait::yes));
  ASSERT_TRUE(tree_->open(file.found.inode, O_RDONLY, 1000, false, Wait::yes));
  const Census census = tree_->census();
  EXPECT_EQ(census.objects, 1U);
  EXPECT_EQ(census.handles, 2U);
  EXPECT_EQ(census.held, (Held{.handles = 1, .claims = 1}));
}

TEST_F(CensusWhenClaimed, FindsOpenFilesWithoutAName) {
  const auto unnamed = tree_->create_unnamed(root_, 0600, O_RDWR, caller(), Wait::yes);
  ASSERT_TRUE(unnamed);
  ASSERT_TRUE(tree_->open(unnamed->found.inode, O_RDONLY, 1000, false, Wait::yes));
  const auto unlinked = create(root_, "unlinked", O_CREAT | O_RDWR);
  ASSERT_TRUE(tree_->unlink(root_, "unlinked", Wait::yes));
  EXPECT_EQ(tree_->census().objects, 2U);
  EXPECT_EQ(held(), Held{.handles = 2});
}

TEST_F(CensusWhenClaimed, WalksDirectoriesOfAnySize) {
  const auto directory = make_directory(root_, "directory");
  for (int i = 0; i < 1000; ++i) make_file(directory, std::to_string(i));
  const auto deep = make_directory(make_directory(directory, "a"), "b");
  make_file(deep, "file");
  EXPECT_EQ(tree_->census().objects, 1U + 1000U + 3U);
}

TEST_F(CensusWhenClaimed, TellsEachUsersBytesAndOldestFile) {
  const auto file = create(root_, "file", O_CREAT | O_EXCL | O_RDWR);
  EXPECT_EQ(write(file.opened.handle, std::string(10'000, 'x')), 10'000U);
  const Census census = tree_->census();
  ASSERT_EQ(census.users.size(), 1U);
  const Census::User& user = census.users.at(1000);
  EXPECT_EQ(user.objects, 1U);
  EXPECT_EQ(user.in_memory, ledger_.row(1000).usage.bytes);
  EXPECT_EQ(user.spilled, 0U);
  EXPECT_EQ(user.oldest, file.found.inode->born.tv_sec);
}

TEST_F(CensusWhenClaimed, OnlyRegularFilesHaveAnAge) {
  make_directory(root_, "directory");
  EXPECT_EQ(tree_->census().users.at(1000).oldest, std::nullopt);
}

class CensusWhenStrict : public TreeTest {
 protected:
  CensusWhenStrict() : TreeTest(lifetime::LifetimeMode::strict) {}
};

TEST_F(CensusWhenStrict, TheMountHoldsAllButFiles) {
  const auto directory = make_directory(root_, "directory");
  create(directory, "file", O_CREAT | O_EXCL | O_RDWR);
  EXPECT_EQ(tree_->census().held, (Held{.handles = 1, .mount = 1}));
}

class Deletions : public TreeTest {
 protected:
  std::uint64_t deleted(lifetime::Reason reason) const {
    return tree_->stats().deleted_for[static_cast<std::size_t>(reason)];
  }
};

TEST_F(Deletions, AreCountedByTheirReason) {
  make_file(root_, "loose");
  EXPECT_EQ(deleted(lifetime::Reason::handle_closed), 1U);
  make_file(root_, "claimed", O_EXCL);
  const auto job = make_directory(root_, "job");
  const auto kept = make_file(job, "kept");
  ASSERT_TRUE(tree_->set_kept(kept, true, Wait::yes));
  claimants_.end(kSession);
  EXPECT_EQ(deleted(lifetime::Reason::claim_ended), 1U);
  ASSERT_TRUE(tree_->set_kept(kept, false, Wait::yes));
  EXPECT_EQ(deleted(lifetime::Reason::mark_lifted), 1U);
  EXPECT_EQ(deleted(lifetime::Reason::last_entry_gone), 1U);
  EXPECT_EQ(tree_->stats().deleted_unheld, 4U);
}

}  // namespace
}  // namespace scratchfs::tree
