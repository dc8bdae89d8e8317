#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

TEST(StemOfAName, IsWhatIsBeforeTheLastDotIfThatIsLongEnough) {
  EXPECT_EQ(lifetime::stem_of("ccAbCdEf.ltrans0.o"), "ccAbCdEf.ltrans0");
  EXPECT_EQ(lifetime::stem_of("ccAbCdEf.o"), "ccAbCdEf");
  EXPECT_EQ(lifetime::stem_of("tmp.AbCdEf"), "tmp.AbCdEf");
  EXPECT_EQ(lifetime::stem_of("plain"), "plain");
  EXPECT_EQ(lifetime::stem_of("123456."), "123456");
}

TEST(AClaimant, CoversWhatBeginsWithAStemOfItsNamesInTheRoot) {
  lifetime::Claimant claimant(1, "claimant");
  Dentry name{};
  ASSERT_TRUE(claimant.add(&name, {}, "abcdef", true));
  Dentry longer{};
  ASSERT_TRUE(claimant.add(&longer, {}, "abcdefzz", true));
  Dentry elsewhere{};
  ASSERT_TRUE(claimant.add(&elsewhere, {}, "elsewhere", false));
  EXPECT_TRUE(claimant.covers("abcdef"));
  EXPECT_TRUE(claimant.covers("abcdefzy")) << "a longer stem sorts between";
  EXPECT_FALSE(claimant.covers("abcde"));
  EXPECT_FALSE(claimant.covers("elsewhere.out"));
  claimant.remove(&name, "abcdef", true);
  EXPECT_FALSE(claimant.covers("abcdefzy"));
}

TEST(AClaimant, HoldsNothingMoreOnceItHasEnded) {
  lifetime::Claimant claimant(1, "claimant");
  Dentry name{};
  ASSERT_TRUE(claimant.add(&name, {}, "name", true));
  EXPECT_EQ(claimant.end().size(), 1U);
  EXPECT_FALSE(claimant.add(&name, {}, "name", true));
  EXPECT_FALSE(claimant.covers("name"));
}

class Claims : public TreeTest {};

TEST_F(Claims, AnEndTellsOfAnInodeOnceHoweverManyNamesWereClaimed) {
  lifetime::Claimant claimant(1, "claimant");
  const auto file = make_file(root_, "file", O_EXCL);
  const auto other = make_file(root_, "other", O_EXCL);
  std::array<Dentry, 5> dentries{};
  for (Dentry& name : dentries)
    ASSERT_TRUE(claimant.add(&name, &name == &dentries.front() ? other : file, "stem", true));
  EXPECT_EQ(lifetime::Claimant::inodes_of(claimant.end()).size(), 2U);
}

TEST_F(Claims, ThatComeAfterALookOutliveTheEndItSaw) {
  make_file(root_, "before", O_EXCL);
  EXPECT_FALSE(claimants_.end_seen_before(kSession, [&] { make_file(root_, "after", O_EXCL); }));
  EXPECT_TRUE(exists(root_, "before"));
  EXPECT_TRUE(exists(root_, "after"));
  EXPECT_TRUE(claimants_.end(kSession));
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claims, OfANumberThatIsUsedAgainAreOfAnotherClaimant) {
  make_file(root_, "first", O_EXCL);
  claimants_.end(kSession);
  EXPECT_FALSE(exists(root_, "first"));
  make_file(root_, "second", O_EXCL);
  EXPECT_TRUE(exists(root_, "second"));
  claimants_.end(kSession);
  EXPECT_FALSE(exists(root_, "second"));
}

TEST_F(Claims, OfWhoCannotBeKnownAtOnceAreMadeByAThreadThatMayWait) {
  claimants_.slow = true;
  EXPECT_TRUE(tree_->make(root_, "d", S_IFDIR | 0700, 0, caller(), Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(
      tree_->create(root_, "f", 0600, O_CREAT | O_EXCL, caller(), Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(tree_->create(root_, "f", 0600, O_CREAT, caller(), Wait::no).is(base::kWouldBlock));
  EXPECT_TRUE(names(root_).empty());
  const auto directory = make_directory(root_, "d");
  make_file(directory, "f");
  EXPECT_TRUE(tree_->rename(directory, "f", root_, "f", RenameMode::replace, caller(), Wait::no)
                  .is(base::kWouldBlock));
  EXPECT_TRUE(exists(directory, "f"));
  claimants_.end(kSession);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Claims, OfACreatorThatEndsMeanwhileHoldNothing) {
  // The claimant is handed out, then ends, and only then is given its name.
  const auto registry_end = [&] { return claimants_.end(kSession); };
  make_file(root_, "mine", O_EXCL);
  lifetime::ClaimRegistry registry(claimants_);
  const auto claimant = registry.claimant_of(caller(), Wait::yes);
  ASSERT_TRUE(claimant);
  EXPECT_FALSE((*claimant)->has_ended());
  EXPECT_FALSE(registry.take(kSession, registry.claims_of(kSession) - 1));
  const auto taken = registry.take(kSession, registry.claims_of(kSession));
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, *claimant);
  (*taken)->end();
  EXPECT_TRUE((*claimant)->has_ended());
  EXPECT_TRUE(registry_end());
}

}  // namespace
}  // namespace scratchfs::tree
