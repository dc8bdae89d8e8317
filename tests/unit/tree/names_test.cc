#include <thread>

#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

class Names : public TreeTest {
 protected:
  Names() : TreeTest(lifetime::LifetimeMode::mount, tree::CreateMode::posix) {}
};

TEST_F(Names, AreFoundUnderTheirDirectoryOnly) {
  const auto directory = make_directory(root_, "directory");
  make_file(directory, "file");
  EXPECT_TRUE(exists(directory, "file"));
  EXPECT_FALSE(exists(root_, "file"));
  EXPECT_TRUE(tree_->lookup(make_file(root_, "plain"), "x", Wait::no).is(Errno(ENOTDIR)));
}

TEST_F(Names, HaveAtMost255Bytes) {
  make_file(root_, std::string(255, 'n'));
  EXPECT_TRUE(tree_->lookup(root_, std::string(256, 'n'), Wait::no).is(Errno(ENAMETOOLONG)));
  EXPECT_TRUE(tree_->make(root_, std::string(256, 'n'), S_IFDIR, 0, caller(), Wait::no)
                  .is(Errno(ENAMETOOLONG)));
  EXPECT_TRUE(tree_->symlink(root_, "long", std::string(4096, 't'), caller(), Wait::no)
                  .is(Errno(ENAMETOOLONG)));
}

TEST_F(Names, CannotBeMadeTwice) {
  make_file(root_, "file");
  EXPECT_TRUE(tree_->make(root_, "file", S_IFDIR, 0, caller(), Wait::no).is(Errno(EEXIST)));
  EXPECT_TRUE(
      tree_->create(root_, "file", 0600, O_CREAT | O_EXCL, caller(), Wait::no).is(Errno(EEXIST)));
}

TEST_F(Names, CannotBeMadeInARemovedDirectory) {
  const auto directory = make_directory(root_, "directory");
  ASSERT_TRUE(tree_->rmdir(root_, "directory", Wait::no));
  EXPECT_TRUE(tree_->make(directory, "x", S_IFDIR, 0, caller(), Wait::no).is(Errno(ENOENT)));
  EXPECT_TRUE(tree_->create(directory, "x", 0600, O_CREAT, caller(), Wait::no).is(Errno(ENOENT)));
  EXPECT_TRUE(
      tree_->create_unnamed(directory, 0600, O_RDWR, caller(), Wait::yes).is(Errno(ENOENT)));
  EXPECT_EQ(directory->attributes().links, 0U);
}

TEST_F(Names, UnlinkAndRmdirKnowTheirKinds) {
  make_file(root_, "file");
  const auto directory = make_directory(root_, "directory");
  make_file(directory, "inside");
  EXPECT_TRUE(tree_->unlink(root_, "directory", Wait::no).is(Errno(EISDIR)));
  EXPECT_TRUE(tree_->rmdir(root_, "file", Wait::no).is(Errno(ENOTDIR)));
  EXPECT_TRUE(tree_->rmdir(root_, "directory", Wait::no).is(Errno(ENOTEMPTY)));
  EXPECT_TRUE(tree_->unlink(root_, "missing", Wait::no).is(Errno(ENOENT)));
}

TEST_F(Names, DirectoriesCountTheirSubdirectoriesAsLinks) {
  const auto directory = make_directory(root_, "directory");
  EXPECT_EQ(directory->attributes().links, 2U);
  make_directory(directory, "below");
  make_file(directory, "file");
  EXPECT_EQ(directory->attributes().links, 3U);
  ASSERT_TRUE(
      tree_->rename(directory, "below", root_, "beside", RenameMode::replace, caller(), Wait::no));
  EXPECT_EQ(directory->attributes().links, 2U);
  EXPECT_EQ(root_->attributes().links, 4U);
}

TEST_F(Names, AnUnlinkedOpenFileLivesUntilItsLastClose) {
  const auto file = create(root_, "file", O_RDWR | O_CREAT);
  write(file.opened.handle, "contents");
  ASSERT_TRUE(tree_->unlink(root_, "file", Wait::no));
  EXPECT_EQ(file.found.inode->attributes().links, 0U);
  EXPECT_EQ(ledger_.row(1000).usage.inodes, 1U) << "it still costs its owner";
  tree_->release(file.opened.handle);
  EXPECT_EQ(ledger_.row(1000).usage, (quota::Usage{.bytes = 0, .inodes = 1}))
      << "the kernel remembers it";
}

TEST_F(Names, AnUnnamedFileGetsANameByLink) {
  const auto file = tree_->create_unnamed(root_, 0600, O_RDWR, caller(), Wait::yes);
  ASSERT_TRUE(file);
  ASSERT_TRUE(tree_->link(file->found.inode, root_, "named", caller(), Wait::no));
  tree_->release(file->opened.handle);
  EXPECT_TRUE(exists(root_, "named"));
  EXPECT_EQ(ledger_.row(1000).usage.inodes, 1U);
}

TEST_F(Names, LinksOfDirectoriesAndOfGoneFilesAreRefused) {
  const auto directory = make_directory(root_, "directory");
  EXPECT_TRUE(tree_->link(directory, root_, "other", caller(), Wait::no).is(Errno(EPERM)));
  const auto file = make_file(root_, "file");
  ASSERT_TRUE(tree_->unlink(root_, "file", Wait::no));
  EXPECT_TRUE(tree_->link(file, root_, "again", caller(), Wait::no).is(Errno(ENOENT)));
}

TEST_F(Names, RenameReplacesOnlyItsLike) {
  make_file(root_, "file");
  const auto full = make_directory(root_, "full");
  make_file(full, "inside");
  make_directory(root_, "empty");
  EXPECT_TRUE(rename("file", "empty").is(Errno(EISDIR)));
  EXPECT_TRUE(rename("empty", "file").is(Errno(ENOTDIR)));
  EXPECT_TRUE(rename("empty", "full").is(Errno(ENOTEMPTY)));
  EXPECT_TRUE(rename("missing", "x").is(Errno(ENOENT)));
  EXPECT_TRUE(rename("file", "full", RenameMode::no_replace).is(Errno(EEXIST)));
  EXPECT_TRUE(rename("file", "missing", RenameMode::exchange).is(Errno(ENOENT)));
  EXPECT_TRUE(rename("full", "empty"));
  EXPECT_EQ(names(root_), (std::vector<std::string>{"file", "empty"}));
}

TEST_F(Names, ADirectoryCannotMoveIntoItself) {
  const auto directory = make_directory(root_, "directory");
  const auto below = make_directory(directory, "below");
  EXPECT_TRUE(tree_->rename(root_, "directory", below, "x", RenameMode::replace, caller(), Wait::no)
                  .is(Errno(EINVAL)));
  EXPECT_TRUE(
      tree_->rename(directory, "below", root_, "directory", RenameMode::replace, caller(), Wait::no)
          .is(Errno(ENOTEMPTY)));
  EXPECT_TRUE(
      tree_->rename(below, "x", root_, "directory", RenameMode::exchange, caller(), Wait::no)
          .is(Errno(ENOENT)));
  make_directory(below, "deepest");
  EXPECT_TRUE(
      tree_->rename(below, "deepest", root_, "directory", RenameMode::replace, caller(), Wait::no)
          .is(Errno(ENOTEMPTY)));
  make_file(below, "file");
  EXPECT_TRUE(
      tree_->rename(below, "file", root_, "directory", RenameMode::exchange, caller(), Wait::no)
          .is(Errno(EINVAL)));
}

TEST_F(Names, RenamingOneNameOfAFileToAnotherOfItDoesNothing) {
  const auto file = make_file(root_, "one");
  ASSERT_TRUE(tree_->link(file, root_, "two", caller(), Wait::no));
  EXPECT_TRUE(rename("one", "two"));
  EXPECT_EQ(names(root_), (std::vector<std::string>{"one", "two"}));
}

TEST_F(Names, ExchangeSwapsAFileAndADirectory) {
  const auto file = make_file(root_, "file");
  const auto directory = make_directory(root_, "directory");
  EXPECT_TRUE(rename("file", "directory", RenameMode::exchange));
  EXPECT_EQ(tree_->lookup(root_, "file", Wait::no)->inode, directory);
  EXPECT_EQ(tree_->lookup(root_, "directory", Wait::no)->inode, file);
}

TEST_F(Names, ListingGoesOnAfterItsCookieWhileEntriesComeAndGo) {
  for (int i = 0; i < 10; ++i) make_file(root_, "f" + std::to_string(i));
  std::vector<std::string> seen;
  std::uint64_t cookie = 2;
  const auto take_one = [&](const Listed& entry) {
    seen.emplace_back(entry.name);
    cookie = entry.cookie;
    return false;
  };
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(tree_->list(root_, cookie, 0, take_one, Wait::no));
    ASSERT_TRUE(tree_->unlink(root_, "f" + std::to_string(9 - i), Wait::no)) << i;
    make_file(root_, "f" + std::to_string(i) + "-late");
  }
  ASSERT_EQ(seen.size(), 10U);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(seen[static_cast<std::size_t>(i)], "f" + std::to_string(9 - i));
}

TEST_F(Names, AListingEndsThoughAllThatItShowsIsRenamed) {
  for (int i = 0; i < 10; ++i) make_file(root_, std::to_string(i));
  std::size_t seen = 0;
  std::string name;
  std::uint64_t cookie = 2;
  do {
    name.clear();
    const auto take_one = [&](const Listed& entry) {
      if (!name.empty()) return false;
      name = entry.name;
      cookie = entry.cookie;
      return true;
    };
    ASSERT_TRUE(tree_->list(root_, cookie, 0, take_one, Wait::no));
    if (name.empty()) break;
    ASSERT_TRUE(rename(name, name + "+"));
  } while (++seen < 100);
  EXPECT_EQ(seen, 10U);
}

TEST_F(Names, ANewObjectInASetgidDirectoryGetsItsGroup) {
  const auto directory = make_directory(root_, "directory");
  ASSERT_TRUE(tree_->set_attributes(directory, {.mode = 02775, .gid = 77}, Wait::no));
  EXPECT_EQ(make_file(directory, "file")->attributes().gid, 77U);
  const auto below = make_directory(directory, "below")->attributes();
  EXPECT_EQ(below.gid, 77U);
  EXPECT_EQ(below.mode & S_ISGID, static_cast<mode_t>(S_ISGID));
}

TEST_F(Names, ManyThreadsRenamingBetweenTwoDirectoriesLoseNothing) {
  const auto one = make_directory(root_, "one");
  const auto two = make_directory(one, "two");
  for (int i = 0; i < 50; ++i) make_file(one, std::to_string(i));
  std::vector<std::thread> movers;
  for (int t = 0; t < 4; ++t) {
    movers.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string name = std::to_string((i * 7 + t * 13) % 50);
        const bool down = (i + t) % 2 == 0;
        (void)tree_->rename(down ? one : two, name, down ? two : one, name, RenameMode::no_replace,
                            caller(), Wait::yes);
        (void)exists(one, name);
      }
    });
  }
  for (auto& mover : movers) mover.join();
  EXPECT_EQ(names(one).size() - 1 + names(two).size(), 50U);
}

}  // namespace
}  // namespace scratchfs::tree
