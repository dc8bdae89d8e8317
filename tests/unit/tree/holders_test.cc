// The text of system.scratchfs.lifetime: what holds a file.
#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

class HoldersWhenClaimed : public TreeTest {};

TEST_F(HoldersWhenClaimed, AreHandlesAndClaimants) {
  const auto file = create(root_, "file", O_CREAT | O_EXCL | O_RDWR);
  EXPECT_EQ(holders(file.found.inode), "handles: 1; claimant 10 (fake)");
  tree_->release(file.opened.handle);
  EXPECT_EQ(holders(file.found.inode), "claimant 10 (fake)");
}

TEST_F(HoldersWhenClaimed, AreToldWithoutNamesAndNumbersToThoseWhoNeedNotKnow) {
  const auto secret = make_directory(root_, "secret");
  const auto file = create(secret, "file", O_CREAT | O_EXCL | O_RDWR);
  ASSERT_TRUE(tree_->link(file.found.inode, secret, "again", caller(1001), Wait::yes));
  EXPECT_EQ(holders(file.found.inode, Tree::Detail::brief), "handles; a claim; a directory");
}

TEST_F(HoldersWhenClaimed, HaveNamesThatATerminalCanShow) {
  const auto job = make_directory(root_, "job\n<3>\033[31m\xc3\xa9");
  EXPECT_EQ(holders(make_file(job, "file")), "directory /job?<3>?[31m\xc3\xa9");
}

TEST_F(HoldersWhenClaimed, AreFoundInProcOnlyByAThreadThatMayWait) {
  const auto file = make_file(root_, "file", O_EXCL);
  EXPECT_TRUE(tree_->describe_holders(file, Tree::Detail::full, Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(tree_->describe_holders(file, Tree::Detail::brief, Wait::no));
}

TEST_F(HoldersWhenClaimed, AreTheNearestDirectoryThatIsHeldByMoreThanItsParent) {
  const auto job = make_directory(root_, "job");
  const auto file = make_file(job, "file");
  EXPECT_EQ(holders(file), "directory /job");
  const auto sub = make_directory(job, "sub");
  ASSERT_TRUE(tree_->set_kept(sub, true, Wait::yes));
  EXPECT_EQ(holders(sub), "claimant 10 (fake); directory /job; keep mark");
  EXPECT_EQ(holders(make_file(sub, "deep")), "directory /job/sub");
}

TEST_F(HoldersWhenClaimed, AreEachToldOnce) {
  const auto job = make_directory(root_, "job");
  const auto file = make_file(job, "one", O_EXCL);
  ASSERT_TRUE(tree_->link(file, job, "two", caller(), Wait::yes));
  EXPECT_EQ(holders(file), "claimant 10 (fake); directory /job");
}

TEST_F(HoldersWhenClaimed, AreCountedWhereTheyAreMany) {
  const auto file = make_file(root_, "0", O_EXCL, 1000);
  for (pid_t session = 1; session < 20; ++session)
    ASSERT_TRUE(
        tree_->link(file, root_, std::to_string(session), caller(1000 + session), Wait::yes));
  EXPECT_NE(holders(file).find("; 4 more"), std::string::npos) << holders(file);
}

TEST_F(HoldersWhenClaimed, AreNoMoreThanAnAttributeHoldsWhereEachNameLiesDeepElsewhere) {
  constexpr std::size_t kXattrSizeMax = 64 << 10;
  InodeRef file;
  for (int i = 0; i < 40; ++i) {
    InodeRef at = make_directory(root_, std::to_string(i));
    for (int depth = 0; depth < 14; ++depth) at = make_directory(at, std::string(250, '\n'));
    ASSERT_TRUE(tree_->set_kept(at, true, Wait::yes));
    if (i == 0) {
      file = make_file(at, "file");
    } else {
      ASSERT_TRUE(tree_->link(file, at, "file", caller(), Wait::yes));
    }
  }
  const std::string words = holders(file);
  EXPECT_LT(words.size(), kXattrSizeMax);
  EXPECT_NE(words.find("more"), std::string::npos) << words.substr(words.size() - 100);
}

TEST_F(HoldersWhenClaimed, AreTheUnseenUntilTheUnmount) {
  const auto file = make_file(root_, "file", O_EXCL, 0);
  EXPECT_EQ(holders(file), "a process whose end cannot be seen");
}

TEST_F(HoldersWhenClaimed, AreNothingButTheHandlesOfALooseFileAndOfOneWithoutAName) {
  const auto loose = create(root_, "loose", O_CREAT | O_RDWR);
  EXPECT_EQ(holders(loose.found.inode), "handles: 1");
  ASSERT_TRUE(tree_->unlink(root_, "loose", Wait::yes));
  EXPECT_EQ(holders(loose.found.inode), "handles: 1");
  tree_->release(loose.opened.handle);
  EXPECT_EQ(holders(loose.found.inode), "nothing");
}

TEST_F(HoldersWhenClaimed, OfTheRootAreTheMountAndItTakesNoMark) {
  EXPECT_EQ(holders(root_), "the mount");
  EXPECT_TRUE(tree_->set_kept(root_, true, Wait::yes).is(Errno(EINVAL)));
}

class HoldersWhenStrict : public TreeTest {
 protected:
  HoldersWhenStrict() : TreeTest(lifetime::LifetimeMode::strict) {}
};

TEST_F(HoldersWhenStrict, AreHandlesAndMarksOfFilesAndTheMountOfAllElse) {
  const auto directory = make_directory(root_, "directory");
  const auto file = create(directory, "file", O_CREAT | O_EXCL | O_RDWR);
  ASSERT_TRUE(tree_->set_kept(file.found.inode, true, Wait::yes));
  EXPECT_EQ(holders(file.found.inode), "handles: 1; keep mark");
  EXPECT_EQ(holders(directory), "the mount");
  tree_->release(file.opened.handle);
}

class HoldersInMountMode : public TreeTest {
 protected:
  HoldersInMountMode() : TreeTest(lifetime::LifetimeMode::mount) {}
};

TEST_F(HoldersInMountMode, AreTheMountAsLongAsThereIsAName) {
  const auto file = create(root_, "file", O_CREAT | O_RDWR);
  EXPECT_EQ(holders(file.found.inode), "handles: 1; the mount");
  ASSERT_TRUE(tree_->unlink(root_, "file", Wait::yes));
  EXPECT_EQ(holders(file.found.inode), "handles: 1");
  tree_->release(file.opened.handle);
}

}  // namespace
}  // namespace scratchfs::tree
