// When a file is deleted: docs/semantics.md, line by line.
#include <chrono>
#include <thread>
#include <utility>

#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

class Claimed : public TreeTest {};
class Strict : public TreeTest {
 protected:
  Strict() : TreeTest(lifetime::LifetimeMode::strict) {}
};
class Mounted : public TreeTest {
 protected:
  Mounted() : TreeTest(lifetime::LifetimeMode::mount) {}
};

TEST_F(Strict, AFileGoesAtItsLastClose) {
  const auto file = create(root_, "file", O_RDWR | O_CREAT | O_EXCL);
  const auto again = tree_->open(file.found.inode, O_RDONLY, 1000, false, Wait::yes);
  ASSERT_TRUE(again);
  tree_->release(file.opened.handle);
  EXPECT_TRUE(exists(root_, "file"));
  tree_->release(again->handle);
  EXPECT_FALSE(exists(root_, "file"));
  EXPECT_EQ(notices_.gone.count("file"), 1U);
}

TEST_F(Strict, AFileGoesWithAllItsNames) {
  const auto file = create(root_, "one", O_RDWR | O_CREAT);
  const auto directory = make_directory(root_, "directory");
  ASSERT_TRUE(tree_->link(file.found.inode, directory, "two", caller(), Wait::yes));
  tree_->release(file.opened.handle);
  EXPECT_FALSE(exists(root_, "one"));
  EXPECT_FALSE(exists(directory, "two"));
  EXPECT_TRUE(exists(root_, "directory"));
}

TEST_F(Strict, OtherObjectsStayUntilTheyAreRemoved) {
  make_directory(root_, "directory");
  ASSERT_TRUE(tree_->make(root_, "fifo", S_IFIFO | 0600, 0, caller(), Wait::yes));
  ASSERT_TRUE(tree_->symlink(root_, "symlink", "target", caller(), Wait::yes));
  claimants_.end(kSession);
  EXPECT_EQ(names(root_), (std::vector<std::string>{"directory", "fifo", "symlink"}));
}

TEST_F(Strict, AKeptFileStaysUntilTheMarkIsLifted) {
  const auto file = create(root_, "file", O_RDWR | O_CREAT);
  ASSERT_TRUE(tree_->set_kept(file.found.inode, true, Wait::yes));
  tree_->release(file.opened.handle);
  EXPECT_TRUE(exists(root_, "file"));
  ASSERT_TRUE(tree_->set_kept(file.found.inode, false, Wait::yes));
  EXPECT_FALSE(exists(root_, "file"));
}

TEST_F(Mounted, EverythingStaysUntilItIsUnlinked) {
  make_file(root_, "file");
  claimants_.end(kSession);
  EXPECT_TRUE(exists(root_, "file"));
  ASSERT_TRUE(tree_->unlink(root_, "file", Wait::yes));
  EXPECT_FALSE(exists(root_, "file"));
}

TEST_F(Claimed, ALooseFileGoesAtItsLastClose) {
  make_file(root_, "loose");
  EXPECT_FALSE(exists(root_, "loose"));
}

TEST_F(Claimed, AnExclusivelyCreatedFileStaysUntilItsSessionEnds) {
  make_file(root_, "mine", O_EXCL);
  EXPECT_TRUE(exists(root_, "mine"));
  claimants_.end(kOtherSession);
  EXPECT_TRUE(exists(root_, "mine"));
  claimants_.end(kSession);
  EXPECT_FALSE(exists(root_, "mine"));
}

TEST_F(Claimed, AnOpenFileOutlivesItsSessionUntilItsLastClose) {
  const auto file = create(root_, "mine", O_RDWR | O_CREAT | O_EXCL);
  claimants_.end(kSession);
  EXPECT_TRUE(exists(root_, "mine"));
  EXPECT_EQ(notices_.expired.count("mine"), 1U);
  tree_->release(file.opened.handle);
  EXPECT_FALSE(exists(root_, "mine"));
}

TEST_F(Claimed, ADirectoryHoldsWhatIsPlainlyCreatedInIt) {
  const auto directory = make_directory(root_, "directory");
  const auto below = make_directory(directory, "below");
  make_file(below, "file");
  EXPECT_TRUE(exists(below, "file"));
  claimants_.end(kSession);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claimed, ADirectoryStaysWhileAFileInItIsOpen) {
  const auto directory = make_directory(root_, "directory");
  const auto file = create(directory, "file", O_RDWR | O_CREAT);
  make_file(directory, "closed");
  claimants_.end(kSession);
  EXPECT_EQ(names(directory), std::vector<std::string>{"file"});
  tree_->release(file.opened.handle);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claimed, AClaimInsideKeepsAnotherSessionsDirectory) {
  const auto directory = make_directory(root_, "directory");
  make_file(directory, "theirs", O_EXCL, kOtherSession);
  make_file(directory, "plain");
  claimants_.end(kSession);
  EXPECT_EQ(names(directory), std::vector<std::string>{"theirs"});
  claimants_.end(kOtherSession);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claimed, AKeptDirectoryHoldsWhatIsInIt) {
  const auto directory = make_directory(root_, "directory");
  make_file(directory, "file");
  ASSERT_TRUE(tree_->set_kept(directory, true, Wait::yes));
  claimants_.end(kSession);
  EXPECT_TRUE(exists(directory, "file"));
  ASSERT_TRUE(tree_->set_kept(directory, false, Wait::yes));
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claimed, APlainCreationJoinsTheClaimWhoseStemItBeginsWith) {
  make_file(root_, "tmp.Xyz123", O_EXCL);
  make_file(root_, "ccAbCdEf.o", O_EXCL);
  make_file(root_, "tmp.Xyz123.out");
  make_file(root_, "ccAbCdEf.ltrans0.o");
  make_file(root_, "tmp.other");
  make_file(root_, "ccAbCdEf.of-another", 0, kOtherSession);
  EXPECT_EQ(names(root_), (std::vector<std::string>{"tmp.Xyz123", "ccAbCdEf.o", "tmp.Xyz123.out",
                                                    "ccAbCdEf.ltrans0.o"}));
  claimants_.end(kSession);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claimed, RenamingOverANameKeepsItsClaimsAndAddsTheSources) {
  make_file(root_, "theirs", O_EXCL, kOtherSession);
  make_file(root_, "sedAbCdEf", O_EXCL, kSession);
  ASSERT_TRUE(rename("sedAbCdEf", "theirs"));
  claimants_.end(kSession);
  EXPECT_TRUE(exists(root_, "theirs"));
  claimants_.end(kOtherSession);
  EXPECT_FALSE(exists(root_, "theirs"));
}

TEST_F(Claimed, AFileLivesWhileAnyOfItsNamesIsClaimed) {
  const auto file = make_file(root_, "one", O_EXCL);
  ASSERT_TRUE(tree_->link(file, root_, "two", caller(kOtherSession), Wait::yes));
  claimants_.end(kSession);
  EXPECT_EQ(names(root_), (std::vector<std::string>{"one", "two"}));
  claimants_.end(kOtherSession);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claimed, WhatIsMovedOutOfItsDirectoryIsClaimedByWhoMovedIt) {
  const auto directory = make_directory(root_, "job");
  make_file(directory, "result");
  ASSERT_TRUE(tree_->rename(directory, "result", root_, "result", RenameMode::replace,
                            caller(kOtherSession), Wait::yes));
  claimants_.end(kSession);
  EXPECT_EQ(names(root_), std::vector<std::string>{"result"});
  claimants_.end(kOtherSession);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claimed, ADirectoryMovedUnderAnotherIsHeldByThatOne) {
  const auto mine = make_directory(root_, "mine");
  const auto theirs = make_directory(root_, "theirs", kOtherSession);
  make_file(mine, "file");
  ASSERT_TRUE(
      tree_->rename(root_, "mine", theirs, "mine", RenameMode::replace, caller(), Wait::yes));
  claimants_.end(kSession);
  EXPECT_TRUE(exists(mine, "file"));
  claimants_.end(kOtherSession);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claimed, ExchangedNamesKeepTheirClaimsAndGetTheOthers) {
  make_file(root_, "mine", O_EXCL);
  make_file(root_, "theirs", O_EXCL, kOtherSession);
  ASSERT_TRUE(rename("mine", "theirs", RenameMode::exchange));
  claimants_.end(kSession);
  EXPECT_EQ(names(root_).size(), 2U);
  claimants_.end(kOtherSession);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claimed, AClaimOfWhoCannotBeSeenLastsUntilTheUnmount) {
  make_file(root_, "container", O_EXCL, 0);
  claimants_.end(kSession);
  EXPECT_TRUE(exists(root_, "container"));
}

TEST_F(Claimed, ACreatorThatIsGoneClaimsNothing) {
  ASSERT_TRUE(tree_->make(root_, "directory", S_IFDIR | 0700, 0, caller(404), Wait::yes));
  EXPECT_FALSE(exists(root_, "directory"));
}

TEST_F(Claimed, AUserRemovingTheLastOpenFileOfAnUnheldDirectoryTakesTheDirectoryAlong) {
  const auto directory = make_directory(root_, "directory");
  const auto file = create(directory, "file", O_RDWR | O_CREAT);
  claimants_.end(kSession);
  ASSERT_TRUE(tree_->unlink(directory, "file", Wait::yes));
  EXPECT_TRUE(names(root_).empty());
  tree_->release(file.opened.handle);
}

TEST_F(Claimed, AChainOfDirectoriesDeeperThanTheStackGoesAtOnce) {
  InodeRef at = root_;
  for (int depth = 0; depth < 100'000; ++depth) at = make_directory(at, "d");
  at.reset();
  claimants_.end(kSession);
  EXPECT_TRUE(names(root_).empty());
}

// --- Between FLUSH and RELEASE ---

TEST_F(Claimed, ALookUpOfAClosingNameMustWait) {
  const auto file = create(root_, "loose", O_RDWR | O_CREAT);
  ASSERT_TRUE(file.opened.needs_flush);
  EXPECT_TRUE(tree_->flush(*tree_->handle(file.opened.handle)));
  EXPECT_TRUE(tree_->lookup(root_, "loose", Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(tree_->create(root_, "loose", 0600, O_CREAT | O_EXCL, caller(), Wait::no)
                  .is(base::kWouldBlock));
  EXPECT_TRUE(tree_->open(file.found.inode, O_RDONLY, 1000, false, Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(tree_->unlink(root_, "loose", Wait::no).is(base::kWouldBlock));
  tree_->release(file.opened.handle);
  EXPECT_TRUE(tree_->lookup(root_, "loose", Wait::no).is(Errno(ENOENT)));
}

TEST_F(Claimed, AWaitingLookUpSeesTheNameGoneAfterTheRelease) {
  const auto file = create(root_, "loose", O_RDWR | O_CREAT);
  EXPECT_TRUE(tree_->flush(*tree_->handle(file.opened.handle)));
  std::thread looker([&] { EXPECT_FALSE(exists(root_, "loose")); });
  tree_->release(file.opened.handle);
  looker.join();
}

TEST_F(Claimed, AHandleThatIsUsedAfterAFlushWasNotTheLast) {
  const auto file = create(root_, "loose", O_RDWR | O_CREAT);
  EXPECT_TRUE(tree_->flush(*tree_->handle(file.opened.handle)));
  write(file.opened.handle, "alive");
  EXPECT_TRUE(tree_->lookup(root_, "loose", Wait::no));
  tree_->release(file.opened.handle);
}

TEST_F(Claimed, AFileThatLivesOnThroughADuplicateIsFoundAfterTheBound) {
  const auto file = create(root_, "loose", O_RDWR | O_CREAT);
  EXPECT_TRUE(tree_->flush(*tree_->handle(file.opened.handle)));
  EXPECT_TRUE(exists(root_, "loose"));
  EXPECT_TRUE(tree_->lookup(root_, "loose", Wait::no)) << "the old FLUSH counts no more";
  EXPECT_TRUE(tree_->flush(*tree_->handle(file.opened.handle)));
  EXPECT_TRUE(tree_->lookup(root_, "loose", Wait::no).is(base::kWouldBlock)) << "a new one does";
  tree_->release(file.opened.handle);
}

TEST_F(Claimed, AFileThatLivesOnIsFoundAtOnceWhereTheTransportHasSeenEverything) {
  barrier_.known = true;
  const auto file = create(root_, "loose", O_RDWR | O_CREAT);
  EXPECT_TRUE(tree_->flush(*tree_->handle(file.opened.handle)));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(exists(root_, "loose"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, kClosingBound);
  EXPECT_EQ(barrier_.asked, 1);
  tree_->release(file.opened.handle);
}

TEST_F(Claimed, AFlushThatCameSinceIsNotTakenForAnOldOne) {
  barrier_.known = true;
  const auto file = create(root_, "loose", O_RDWR | O_CREAT);
  EXPECT_TRUE(tree_->flush(*tree_->handle(file.opened.handle)));
  // While the first lookup asks, another descriptor is closed, which is the last one.
  bool closed = false;
  std::thread closer;
  barrier_.meanwhile = [&] {
    // Those who ask again learn that this RELEASE has arrived.
    if (closer.joinable()) closer.join();
    if (std::exchange(closed, true)) return;
    EXPECT_TRUE(tree_->flush(*tree_->handle(file.opened.handle)));
    closer = std::thread([&] { tree_->release(file.opened.handle); });
  };
  EXPECT_FALSE(exists(root_, "loose"));
  if (closer.joinable()) closer.join();
}

TEST_F(Claimed, WhoMakesOthersWaitInVainHasABudgetForIt) {
  const auto hers = create(root_, "hers", O_RDWR | O_CREAT);
  Handle& handle = *tree_->handle(hers.opened.handle);
  int waits = 0;
  // Each time, another duplicate of the descriptor is closed.
  do {
    EXPECT_TRUE(tree_->flush(handle));
    EXPECT_TRUE(exists(root_, "hers"));
    ASSERT_LE(++waits, WaitBudget::kOfOne / kClosingBound + 2);
  } while (barrier_.timeout.load() == kClosingAsk);
  // The transport is still asked, and its answer counts.
  EXPECT_TRUE(tree_->flush(handle));
  barrier_.meanwhile = [&] { tree_->release(hers.opened.handle); };
  EXPECT_FALSE(exists(root_, "hers"));

  // Each user has their own budget.
  const auto his =
      tree_->create(root_, "his", 0600, O_RDWR | O_CREAT, caller(kSession, 2000), Wait::yes);
  ASSERT_TRUE(his);
  EXPECT_TRUE(tree_->flush(*tree_->handle(his->opened.handle)));
  barrier_.meanwhile = [&] { tree_->release(his->opened.handle); };
  EXPECT_FALSE(exists(root_, "his"));
  EXPECT_EQ(barrier_.timeout.load(), kClosingAsk);
}

TEST_F(Claimed, AClaimedFileNeedsNoFlushAndItsNameCanBeRemembered) {
  const auto file = create(root_, "mine", O_RDWR | O_CREAT | O_EXCL);
  EXPECT_FALSE(file.opened.needs_flush);
  EXPECT_FALSE(file.found.may_vanish);
  tree_->release(file.opened.handle);
}

// A handle from before the end of the claim sends no FLUSH, although its close now deletes the
// file.
TEST_F(Claimed, WhereAHandleOutlivedTheClaimLookUpsAskWhetherItIsClosed) {
  const auto file = create(root_, "mine", O_RDONLY | O_CREAT | O_EXCL);
  ASSERT_FALSE(file.opened.needs_flush);
  EXPECT_TRUE(tree_->lookup(root_, "mine", Wait::no)) << "the claim holds it";
  claimants_.end(kSession);
  EXPECT_TRUE(tree_->lookup(root_, "mine", Wait::no).is(base::kWouldBlock));
  barrier_.known = true;
  EXPECT_TRUE(exists(root_, "mine"));
  EXPECT_TRUE(exists(root_, "mine"));
  EXPECT_EQ(names(root_), std::vector<std::string>{"mine"});
  EXPECT_EQ(barrier_.asked, 3) << "each look-up once";
  barrier_.meanwhile = [&] { tree_->release(file.opened.handle); };
  EXPECT_FALSE(exists(root_, "mine")) << "its RELEASE was on its way";
}

TEST_F(Claimed, AListingAsksOnceForAllThatOutlivedTheClaim) {
  std::vector<HandleId> handles;
  for (const char* name : {"a", "b", "c"})
    handles.push_back(create(root_, name, O_RDONLY | O_CREAT | O_EXCL).opened.handle);
  claimants_.end(kSession);
  barrier_.known = true;
  EXPECT_EQ(names(root_).size(), 3U);
  EXPECT_EQ(barrier_.asked, 1);
  for (const HandleId handle : handles) tree_->release(handle);
}

}  // namespace
}  // namespace scratchfs::tree
