#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

class AttributesOf : public TreeTest {
 protected:
  AttributesOf() : TreeTest(lifetime::LifetimeMode::mount) {}
};

TEST_F(AttributesOf, NewObjectsArePrivate) {
  const auto file = tree_->create(root_, "file", 0777, O_CREAT | O_RDWR, caller(), Wait::no);
  EXPECT_EQ(file->found.attributes.mode, static_cast<mode_t>(S_IFREG | 0700));
  tree_->release(file->opened.handle);
  EXPECT_EQ(make_file(root_, "plain")->attributes().mode, static_cast<mode_t>(S_IFREG | 0600));
  EXPECT_EQ(make_directory(root_, "directory")->attributes().mode,
            static_cast<mode_t>(S_IFDIR | 0700));
}

TEST_F(AttributesOf, ChownMovesTheChargeOrFails) {
  const auto file = create(root_, "file", O_CREAT | O_RDWR);
  write(file.opened.handle, std::string(10'000, 'x'));
  const auto inode = file.found.inode;
  const auto usage = ledger_.row(1000).usage;
  ASSERT_TRUE(tree_->set_attributes(inode, {.uid = 2000}, Wait::no));
  EXPECT_EQ(ledger_.row(1000).usage, quota::Usage{});
  EXPECT_EQ(ledger_.row(2000).usage, usage);
  ledger_.set_limits(3000, quota::Limits{.bytes = 100});
  EXPECT_TRUE(tree_->set_attributes(inode, {.uid = 3000}, Wait::no).is(Errno(EDQUOT)));
  EXPECT_EQ(inode->attributes().uid, 2000U);
  tree_->release(file.opened.handle);
}

TEST_F(AttributesOf, ChownTakesTheSetIdBitsAndTheCapabilities) {
  const auto inode = make_file(root_, "file");
  ASSERT_TRUE(tree_->set_attributes(inode, {.mode = 06755}, Wait::no));
  ASSERT_TRUE(tree_->set_xattr(inode, "security.capability", "caps", XattrSet::any));
  ASSERT_TRUE(tree_->set_attributes(inode, {.gid = 7}, Wait::no));
  EXPECT_EQ(inode->attributes().mode & 07777, 0755U);
  EXPECT_TRUE(tree_->xattr(inode, "security.capability").is(Errno(ENODATA)));
}

TEST_F(AttributesOf, AWriteTellsTheKernelOfTheModeItChangesAndOfNoOther) {
  const auto file = create(root_, "file", O_RDWR | O_CREAT);
  const auto inode = file.found.inode;
  const auto handle = tree_->handle(file.opened.handle);
  const auto bytes = std::as_bytes(std::span("x", 1));
  ASSERT_TRUE(tree_->set_attributes(inode, {.mode = 06755}, Wait::no));
  ASSERT_TRUE(tree_->write(*handle, bytes, 0, false, Wait::no));
  EXPECT_EQ(inode->attributes().mode & 07777, 06755U);
  EXPECT_TRUE(notices_.changed_modes.empty());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(tree_->write(*handle, bytes, 0, true, Wait::no));
  EXPECT_EQ(inode->attributes().mode & 07777, 0755U);
  EXPECT_EQ(notices_.changed_modes, std::multiset<InodeId>{inode->id});
  tree_->release(file.opened.handle);
}

TEST_F(AttributesOf, EveryChangeOfContentsButAMappingsTakesTheCapabilities) {
  const auto file = create(root_, "file", O_RDWR | O_CREAT);
  const auto inode = file.found.inode;
  const auto handle = tree_->handle(file.opened.handle);
  const auto bytes = std::as_bytes(std::span("x", 1));
  const auto lost_by = [&](auto&& change) {
    EXPECT_TRUE(tree_->set_xattr(inode, "security.capability", "caps", XattrSet::any));
    EXPECT_TRUE(change());
    return tree_->xattr(inode, "security.capability").is(Errno(ENODATA));
  };
  EXPECT_TRUE(lost_by([&] { return tree_->write(*handle, bytes, 0, false, Wait::no); }));
  EXPECT_TRUE(lost_by([&] { return tree_->allocate(*handle, 0, 0, 9000, Wait::no); }));
  EXPECT_TRUE(lost_by([&] { return tree_->copy(*handle, 0, *handle, 8000, 10, Wait::no); }));
  EXPECT_TRUE(lost_by([&] { return tree_->set_attributes(inode, {.size = 5}, Wait::no); }));
  EXPECT_FALSE(lost_by([&] { return tree_->write_back(*handle, bytes, 0, Wait::no); }));
  EXPECT_FALSE(lost_by([&] { return tree_->set_attributes(inode, {.mode = 0700}, Wait::no); }));
  tree_->release(file.opened.handle);
}

TEST_F(AttributesOf, TruncationMovesMtimeEvenToTheSameSize) {
  const auto inode = make_file(root_, "file");
  ASSERT_TRUE(tree_->set_attributes(inode, {.modified = timespec{1, 2}}, Wait::no));
  ASSERT_TRUE(tree_->set_attributes(inode, {.mode = 0640}, Wait::no));
  EXPECT_EQ(inode->attributes().modified.tv_sec, 1);
  ASSERT_TRUE(tree_->set_attributes(inode, {.size = 0}, Wait::no));
  EXPECT_GT(inode->attributes().modified.tv_sec, 1);
}

TEST_F(AttributesOf, XattrsAreBoundedAndCharged) {
  const auto inode = make_file(root_, "file");
  const auto before = ledger_.row(1000).usage.bytes;
  ASSERT_TRUE(tree_->set_xattr(inode, "user.one", std::string(1000, 'x'), XattrSet::create));
  EXPECT_EQ(ledger_.row(1000).usage.bytes, before + 1536);
  EXPECT_TRUE(tree_->set_xattr(inode, "user.one", "y", XattrSet::create).is(Errno(EEXIST)));
  EXPECT_TRUE(tree_->set_xattr(inode, "user.two", "y", XattrSet::replace).is(Errno(ENODATA)));
  EXPECT_TRUE(tree_->set_xattr(inode, "user.big", std::string(65'537, 'x'), XattrSet::any)
                  .is(Errno(E2BIG)));
  EXPECT_TRUE(tree_->set_xattr(inode, std::string(256, 'n'), "", XattrSet::any).is(Errno(ERANGE)));
  ASSERT_TRUE(tree_->set_xattr(inode, "user.a", std::string(65'536, 'x'), XattrSet::any));
  EXPECT_TRUE(
      tree_->set_xattr(inode, "user.b", std::string(65'536, 'x'), XattrSet::any).is(Errno(ENOSPC)));
  EXPECT_EQ(tree_->xattr_names(inode), std::string("user.a\0user.one\0", 16));
  ASSERT_TRUE(tree_->remove_xattr(inode, "user.a"));
  ASSERT_TRUE(tree_->remove_xattr(inode, "user.one"));
  EXPECT_TRUE(tree_->remove_xattr(inode, "user.one").is(Errno(ENODATA)));
  EXPECT_EQ(ledger_.row(1000).usage.bytes, before);
}

TEST_F(AttributesOf, OverTheInodeLimitNothingIsMade) {
  ledger_.set_limits(1000, quota::Limits{.inodes = 2});
  const InodeId one = make_file(root_, "one")->id;
  const auto two = make_file(root_, "two");
  EXPECT_TRUE(tree_->make(root_, "three", S_IFDIR, 0, caller(), Wait::no).is(Errno(EDQUOT)));
  EXPECT_TRUE(tree_->create(root_, "three", 0600, O_CREAT, caller(), Wait::no).is(Errno(EDQUOT)));
  EXPECT_TRUE(tree_->symlink(root_, "three", "x", caller(), Wait::no).is(Errno(EDQUOT)));
  EXPECT_TRUE(tree_->link(two, root_, "three", caller(), Wait::no).is(Errno(EDQUOT)));
  EXPECT_FALSE(exists(root_, "three"));
  ASSERT_TRUE(tree_->unlink(root_, "one", Wait::no));
  EXPECT_TRUE(tree_->link(two, root_, "three", caller(), Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(tree_->link(two, root_, "three", caller(), Wait::yes).is(Errno(EDQUOT)))
      << "the kernel remembers it";
  tree_->forget(one, 1);
  EXPECT_TRUE(tree_->link(two, root_, "three", caller(), Wait::no));
}

TEST_F(AttributesOf, ACreationWaitsForWhatIsJustBeingForgotten) {
  ledger_.set_limits(1000, quota::Limits{.inodes = 1});
  const InodeId one = make_file(root_, "one")->id;
  ASSERT_TRUE(tree_->unlink(root_, "one", Wait::no));
  barrier_.forgets = [&] { tree_->forget(one, 1); };
  EXPECT_TRUE(tree_->make(root_, "two", S_IFDIR, 0, caller(), Wait::yes));
}

TEST_F(AttributesOf, WhatGoesByItselfIsChargedAgainOnceTheKernelWasTold) {
  start({.lifetime = lifetime::LifetimeMode::claimed});
  KeptNotices kept;
  tree_->set_kernel(&kept, &barrier_);
  ledger_.set_limits(1000, quota::Limits{.inodes = 1});
  const InodeId loose = make_file(root_, "loose")->id;
  EXPECT_EQ(ledger_.row(1000).usage.inodes, 0U)
      << "whoever creates may be what the notice waits for";
  const InodeId next = make_file(root_, "next", O_EXCL)->id;
  EXPECT_EQ(ledger_.row(1000).usage.inodes, 1U);
  kept.all.clear();
  EXPECT_EQ(ledger_.row(1000).usage.inodes, 2U);
  tree_->forget(loose, 1);
  EXPECT_EQ(ledger_.row(1000).usage.inodes, 1U);
  tree_->forget(next, 1);
  tree_->set_kernel(&notices_, &barrier_);
}

TEST_F(AttributesOf, SpaceIsWhatTheCallerCanHave) {
  ledger_.set_limits(1000, quota::Limits{.bytes = 1 << 20, .inodes = 10});
  const auto file = create(root_, "file", O_CREAT | O_RDWR);
  write(file.opened.handle, std::string(100 << 10, 'x'));
  const auto mine = tree_->space(1000);
  EXPECT_EQ(mine.bytes, 1U << 20);
  EXPECT_EQ(mine.bytes_free, (1U << 20) - (100U << 10));
  EXPECT_EQ(mine.inodes, 10U);
  EXPECT_EQ(mine.inodes_free, 9U);
  const std::uint64_t all = store_->total_bytes();
  EXPECT_LT(tree_->space(0).bytes, all) << "objects and maps take some of it";
  EXPECT_GT(tree_->space(0).bytes, all - all / 32);
  tree_->release(file.opened.handle);
}

}  // namespace
}  // namespace scratchfs::tree
