// What nothing holds is gone and what something holds exists, however sessions create, link, move,
// exchange and remove their own objects and those of others.
#include <fmt/format.h>

#include <random>
#include <tuple>

#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

class Holding : public TreeTest {
 protected:
  base::Result<void> move(const InodeRef& from, const std::string& old_name, const InodeRef& to,
                          const std::string& new_name, RenameMode mode, pid_t pid) {
    return tree_->rename(from, old_name, to, new_name, mode, caller(pid), Wait::yes);
  }
  InodeRef at(const InodeRef& directory, const std::string& name) {
    const auto found = tree_->lookup(directory, name, Wait::yes);
    if (!found) return nullptr;
    tree_->forget(found->inode->id, 1);
    return found->inode;
  }
  void link(const InodeRef& inode, const std::string& name, pid_t pid) {
    ASSERT_TRUE(tree_->link(inode, root_, name, caller(pid), Wait::yes)) << name;
  }
  std::uint64_t deleted_for(lifetime::Reason reason) const {
    return tree_->stats().deleted_for[static_cast<std::size_t>(reason)];
  }
};

// --- What leaves a held directory is claimed by its mover ---

TEST_F(Holding, AnExchangeClaimsWhatItTakesOutOfAHeldDirectory) {
  const auto job = make_directory(root_, "job");
  const auto result = make_file(job, "result");
  const auto loose = create(root_, "loose", O_RDWR | O_CREAT);
  ASSERT_TRUE(move(job, "result", root_, "loose", RenameMode::exchange, kOtherSession));
  EXPECT_EQ(at(root_, "loose"), result);
  EXPECT_EQ(at(job, "result"), loose.found.inode);
  claimants_.end(kSession);
  EXPECT_EQ(at(root_, "loose"), result) << "the mover's session lasts";
  tree_->release(loose.opened.handle);
  EXPECT_EQ(names(root_), std::vector<std::string>{"loose"});
  claimants_.end(kOtherSession);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Holding, AnExchangeClaimsWhatItTakesOutWhicheverNameComesFirst) {
  const auto job = make_directory(root_, "job");
  const auto result = make_file(job, "result");
  const auto loose = create(root_, "loose", O_RDWR | O_CREAT);
  ASSERT_TRUE(move(root_, "loose", job, "result", RenameMode::exchange, kOtherSession));
  claimants_.end(kSession);
  EXPECT_EQ(at(root_, "loose"), result);
  tree_->release(loose.opened.handle);
}

TEST_F(Holding, AnExchangeClaimsADirectoryThatItTakesOutWithAllInIt) {
  const auto job = make_directory(root_, "job");
  ASSERT_TRUE(tree_->set_kept(job, true, Wait::yes));
  const auto below = make_directory(job, "below", kOtherSession);
  claimants_.end(kOtherSession);
  make_file(below, "file");
  const auto loose = create(root_, "loose", O_RDWR | O_CREAT);
  ASSERT_TRUE(move(root_, "loose", job, "below", RenameMode::exchange, kSession));
  EXPECT_EQ(at(root_, "loose"), below);
  EXPECT_TRUE(exists(below, "file"));
  tree_->release(loose.opened.handle);
  EXPECT_TRUE(exists(job, "below")) << "the directory holds it now";
}

TEST_F(Holding, WhoMovesClaimsThoughOthersClaimTheNameAlready) {
  const auto job = make_directory(root_, "job");
  make_file(job, "result");
  make_file(job, "claimed", O_EXCL, kOtherSession);
  make_file(root_, "theirs", O_EXCL, kOtherSession);
  make_file(root_, "exchanged", O_EXCL, kOtherSession);
  const pid_t mover = 30;
  make_file(job, "out");
  ASSERT_TRUE(move(job, "result", root_, "theirs", RenameMode::replace, mover));
  ASSERT_TRUE(move(job, "claimed", root_, "claimed", RenameMode::replace, mover));
  ASSERT_TRUE(move(job, "out", root_, "exchanged", RenameMode::exchange, mover));
  claimants_.end(kOtherSession);
  claimants_.end(kSession);
  EXPECT_EQ(names(root_), (std::vector<std::string>{"theirs", "exchanged", "claimed"}));
}

TEST_F(Holding, NothingLeavesAHeldDirectoryForOneWhoIsGone) {
  const pid_t vanished = 404;
  const auto job = make_directory(root_, "job");
  make_file(job, "result");
  const auto loose = create(root_, "loose", O_RDWR | O_CREAT);
  EXPECT_TRUE(move(job, "result", root_, "out", RenameMode::replace, vanished).is(Errno(EINTR)));
  EXPECT_TRUE(move(job, "result", root_, "loose", RenameMode::replace, vanished).is(Errno(EINTR)));
  EXPECT_TRUE(move(job, "result", root_, "loose", RenameMode::exchange, vanished).is(Errno(EINTR)));
  EXPECT_TRUE(move(root_, "loose", job, "result", RenameMode::exchange, vanished).is(Errno(EINTR)));
  EXPECT_TRUE(exists(job, "result"));
  EXPECT_TRUE(move(root_, "loose", job, "in", RenameMode::replace, vanished));
  tree_->release(loose.opened.handle);
  EXPECT_EQ(names(job), (std::vector<std::string>{"result", "in"}));
}

// --- What remains when the last held name is removed goes with it ---

TEST_F(Holding, AFileGoesWhenTheLastNameThatIsHeldIsRemoved) {
  link(make_file(root_, "f", O_EXCL), "g", kOtherSession);
  claimants_.end(kOtherSession);
  EXPECT_TRUE(exists(root_, "g")) << "the other name is held";
  ASSERT_TRUE(tree_->unlink(root_, "f", Wait::yes));
  EXPECT_TRUE(names(root_).empty());
  forget_all();
  EXPECT_EQ(tree_->stats().inodes, 0U);
  EXPECT_EQ(deleted_for(lifetime::Reason::name_removed), 1U);
  EXPECT_EQ(notices_.gone.count("g"), 1U);
}

TEST_F(Holding, AFileGoesWhenTheLastNameThatIsHeldIsReplaced) {
  const auto file = make_file(root_, "f", O_EXCL);
  make_file(root_, "new", O_EXCL);
  link(file, "g", kOtherSession);
  claimants_.end(kOtherSession);
  ASSERT_TRUE(rename("new", "f"));
  EXPECT_EQ(names(root_), std::vector<std::string>{"f"});
}

TEST_F(Holding, AFileGoesWhenTheLastNameInAHeldDirectoryIsReplaced) {
  const auto job = make_directory(root_, "job");
  link(make_file(job, "f"), "g", kOtherSession);
  claimants_.end(kOtherSession);
  EXPECT_TRUE(exists(root_, "g")) << "the other name is in a held directory";
  const auto loose = create(root_, "loose", O_RDWR | O_CREAT);
  ASSERT_TRUE(move(root_, "loose", job, "f", RenameMode::replace, kSession));
  EXPECT_EQ(names(root_), std::vector<std::string>{"job"});
  tree_->release(loose.opened.handle);
}

TEST_F(Holding, AFileGoesWhenTheLastNameInAHeldDirectoryIsRemoved) {
  const auto kept = make_directory(root_, "kept");
  ASSERT_TRUE(tree_->set_kept(kept, true, Wait::yes));
  const auto loose = make_directory(root_, "unheld", kOtherSession);
  const auto file = make_file(kept, "inside");
  ASSERT_TRUE(tree_->link(file, loose, "g", caller(kOtherSession), Wait::yes));
  claimants_.end(kOtherSession);
  EXPECT_TRUE(exists(loose, "g"));
  ASSERT_TRUE(tree_->unlink(kept, "inside", Wait::yes));
  EXPECT_EQ(names(root_), std::vector<std::string>{"kept"}) << "with the directory it was in";
}

TEST_F(Holding, ASymlinkGoesWhenTheLastNameThatIsHeldIsRemoved) {
  const auto made = tree_->symlink(root_, "f", "target", caller(), Wait::yes);
  ASSERT_TRUE(made);
  link(made->inode, "g", kOtherSession);
  claimants_.end(kOtherSession);
  ASSERT_TRUE(tree_->unlink(root_, "f", Wait::yes));
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Holding, AnOpenFileWhoseLastHeldNameIsRemovedGoesAtItsClose) {
  const auto file = create(root_, "f", O_RDWR | O_CREAT | O_EXCL);
  link(file.found.inode, "g", kOtherSession);
  claimants_.end(kOtherSession);
  notices_.expired.clear();
  ASSERT_TRUE(tree_->unlink(root_, "f", Wait::yes));
  EXPECT_TRUE(exists(root_, "g"));
  EXPECT_EQ(notices_.expired.count("g"), 1U) << "the kernel must ask about it from now on";
  tree_->release(file.opened.handle);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Holding, AnOpenFileWhoseMarkIsLiftedGoesAtItsClose) {
  const auto file = create(root_, "f", O_RDWR | O_CREAT);
  ASSERT_TRUE(tree_->set_kept(file.found.inode, true, Wait::yes));
  notices_.expired.clear();
  ASSERT_TRUE(tree_->set_kept(file.found.inode, false, Wait::yes));
  EXPECT_EQ(notices_.expired.count("f"), 1U) << "the kernel must ask about it from now on";
  tree_->release(file.opened.handle);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Holding, ARenameOfAnOpenFileThatLosesNoHolderNotifiesNobody) {
  const auto file = create(root_, "f", O_RDWR | O_CREAT);
  notices_.expired.clear();
  ASSERT_TRUE(rename("f", "g"));
  EXPECT_TRUE(notices_.expired.empty()) << "the name is new to the kernel anyway";
  tree_->release(file.opened.handle);
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Holding, ARemovedNameThatNothingHeldLetsNothingGo) {
  const auto file = make_file(root_, "f", O_EXCL);
  link(file, "g", kOtherSession);
  claimants_.end(kOtherSession);
  ASSERT_TRUE(tree_->unlink(root_, "g", Wait::yes));
  EXPECT_EQ(names(root_), std::vector<std::string>{"f"});
}

// --- Random operations ---

enum class Directories : bool { stay, move };

class RandomHolding : public Holding,
                      public testing::WithParamInterface<std::tuple<unsigned, Directories>> {
 protected:
  static constexpr unsigned kSessions = 4;

  unsigned below(unsigned count) { return static_cast<unsigned>(random_() % count); }
  bool chance() { return below(2) == 0; }
  pid_t session() { return static_cast<pid_t>(100 + below(kSessions)); }
  std::string name() { return "n" + std::to_string(below(4)); }
  // The root, or a directory at most three levels below it.
  InodeRef place() {
    InodeRef directory = root_;
    for (unsigned depth = below(4); depth > 0; --depth) {
      const InodeRef next = at(directory, name());
      if (next != nullptr && next->is_directory()) directory = next;
    }
    return directory;
  }

  void act() {
    switch (below(12)) {
      case 0:
      case 1:
        return create_some();
      case 2:
        return static_cast<void>(
            tree_->make(place(), name(), S_IFDIR | 0700, 0, caller(session()), Wait::yes));
      case 3:
        return static_cast<void>(
            tree_->symlink(place(), name(), "target", caller(session()), Wait::yes));
      case 4:
        if (const auto file = at(place(), name()))
          (void)tree_->link(file, place(), name(), caller(session()), Wait::yes);
        return;
      case 5:
        return static_cast<void>(tree_->unlink(place(), name(), Wait::yes));
      case 6:
        return static_cast<void>(tree_->rmdir(place(), name(), Wait::yes));
      case 7:
      case 8:
        return rename_some();
      case 9:
        if (const auto marked = at(place(), name()))
          (void)tree_->set_kept(marked, below(4) == 0, Wait::yes);
        return;
      case 10:
        return static_cast<void>(claimants_.end(static_cast<lifetime::ClaimantKey>(session())));
      default:
        return close_some();
    }
  }
  void create_some() {
    const auto made = tree_->create(place(), name(), 0600, O_RDWR | (chance() ? O_EXCL : 0),
                                    caller(session()), Wait::yes);
    if (made) open_.push_back(made->opened.handle);
  }
  void close_some() {
    while (open_.size() > below(6)) {
      const auto closed = open_.begin() + below(static_cast<unsigned>(open_.size()));
      tree_->release(*closed);
      open_.erase(closed);
    }
  }
  void rename_some() {
    constexpr std::array kModes{RenameMode::replace, RenameMode::no_replace, RenameMode::exchange};
    const RenameMode mode = kModes.at(below(kModes.size()));
    const InodeRef from = place();
    const InodeRef to = place();
    const std::string old_name = name();
    const std::string new_name = name();
    const InodeRef source = at(from, old_name);
    const InodeRef target = at(to, new_name);
    if (stays(source) || stays(target)) return;
    const bool lets_source_go = lets_go(from, to);
    const bool lets_target_go = lets_go(to, from);
    const pid_t mover = session();
    if (!move(from, old_name, to, new_name, mode, mover) || source == target) return;
    if (lets_source_go) expect_claimed(source, mover);
    if (lets_target_go && mode == RenameMode::exchange) expect_claimed(target, mover);
  }
  bool stays(const InodeRef& inode) const {
    return directories_ == Directories::stay && inode != nullptr && inode->is_directory();
  }
  static bool lets_go(const InodeRef& from, const InodeRef& to) {
    return from->directory->holds_entries() && !to->directory->holds_entries();
  }
  void expect_claimed(const InodeRef& moved, pid_t mover) {
    const std::string told = holders(moved);
    EXPECT_NE(told.find(fmt::format("claimant {} ", mover)), std::string::npos) << told;
  }
  void unkeep_all(const InodeRef& directory) {
    for (const std::string& entry : names(directory)) {
      const InodeRef inode = at(directory, entry);
      if (inode == nullptr) continue;
      if (inode->is_directory()) unkeep_all(inode);
      ASSERT_TRUE(tree_->set_kept(inode, false, Wait::yes));
    }
  }

  std::mt19937 random_{std::get<unsigned>(GetParam())};
  const Directories directories_ = std::get<Directories>(GetParam());
  std::vector<HandleId> open_;
};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomHolding,
                         testing::Combine(testing::Range(1U, 9U),
                                          testing::Values(Directories::stay, Directories::move)));

TEST_P(RandomHolding, LeavesNothingThatNothingHolds) {
  if (directories_ == Directories::move && !kDirectoriesMove)
    GTEST_SKIP() << "directories move here, and there is only one thread";
  for (int step = 0; step < 4000; ++step) {
    act();
    const auto differences = tree_->audit();
    ASSERT_TRUE(differences.empty()) << "step " << step << ": " << differences.front();
    ASSERT_EQ(deleted_for(lifetime::Reason::moved_away), 0U)
        << "step " << step << ": its mover lives";
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
  for (const HandleId handle : open_) tree_->release(handle);
  for (unsigned i = 0; i < kSessions; ++i) claimants_.end(100 + i);
  unkeep_all(root_);
  EXPECT_TRUE(names(root_).empty());
  forget_all();
  EXPECT_EQ(tree_->stats().inodes, 0U);
}

}  // namespace
}  // namespace scratchfs::tree
