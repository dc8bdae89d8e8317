// Files with several names: what holds them stays correct, however the names move.
#include <random>

#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

class Links : public TreeTest {
 protected:
  void link(const InodeRef& inode, const InodeRef& directory, const std::string& name,
            pid_t pid = kSession) {
    const auto linked = tree_->link(inode, directory, name, caller(pid), Wait::yes);
    ASSERT_TRUE(linked) << name;
  }
  void move(const InodeRef& from, const std::string& old_name, const InodeRef& to,
            const std::string& new_name, RenameMode mode = RenameMode::replace,
            pid_t pid = kSession) {
    (void)tree_->rename(from, old_name, to, new_name, mode, caller(pid), Wait::yes);
  }
};

TEST_F(Links, AFileLivesAsLongAsOneOfItsManyNamesIsHeld) {
  const auto kept = make_directory(root_, "kept");
  ASSERT_TRUE(tree_->set_kept(kept, true, Wait::yes));
  const auto file = make_file(root_, "first", O_EXCL);
  for (int i = 0; i < 100; ++i) link(file, root_, "link" + std::to_string(i), kOtherSession);
  link(file, kept, "inside");
  claimants_.end(kOtherSession);
  claimants_.end(kSession);
  EXPECT_TRUE(exists(root_, "link99"));
  ASSERT_TRUE(tree_->unlink(kept, "inside", Wait::yes));
  EXPECT_EQ(names(root_), std::vector<std::string>{"kept"});
}

TEST_F(Links, ADirectoryThatIsNoLongerHeldLetsTheNamesInItGo) {
  const auto directory = make_directory(root_, "directory");
  const auto file = create(directory, "one", O_RDWR | O_CREAT);
  link(file.found.inode, root_, "two", kOtherSession);
  claimants_.end(kSession);
  tree_->release(file.opened.handle);
  EXPECT_TRUE(exists(directory, "one"));
  EXPECT_TRUE(exists(root_, "two"));
  claimants_.end(kOtherSession);
  EXPECT_FALSE(exists(root_, "two"));
  EXPECT_FALSE(exists(root_, "directory"));
}

TEST_F(Links, AFileWithManyNamesIsNotDescribedByAHandler) {
  const auto file = make_file(root_, "first", O_EXCL);
  for (int i = 0; i < 300; ++i) link(file, root_, "link" + std::to_string(i));
  EXPECT_TRUE(tree_->describe_holders(file, Tree::Detail::full, Wait::no).is(base::kWouldBlock));
  EXPECT_EQ(*tree_->describe_holders(file, Tree::Detail::brief, Wait::no), "a claim");
}

TEST_F(Links, WhatIsCountedOfNamesIsTrueHoweverTheyMove) {
  std::mt19937 random(7);
  const auto below = [&random](unsigned count) { return random() % count; };
  const std::array places{root_, make_directory(root_, "a"), make_directory(root_, "b"),
                          make_directory(root_, "c", kOtherSession)};
  for (const auto& place : places) {
    if (place != root_) {
      ASSERT_TRUE(tree_->set_kept(place, true, Wait::yes));
    }
  }
  const auto place = [&] { return places[below(places.size())]; };
  const auto name = [&] { return "name" + std::to_string(below(6)); };
  std::vector<HandleId> open;
  for (int step = 0; step < 3000; ++step) {
    const pid_t pid = static_cast<pid_t>(100 + below(3));
    switch (below(8)) {
      case 0: {
        const auto made = tree_->create(place(), name(), 0644, O_RDWR | (below(2) ? O_EXCL : 0),
                                        caller(pid), Wait::yes);
        if (made) open.push_back(made->opened.handle);
        break;
      }
      case 1:
        if (const auto found = tree_->lookup(place(), name(), Wait::yes))
          (void)tree_->link(found->inode, place(), name(), caller(pid), Wait::yes);
        break;
      case 2:
        (void)tree_->unlink(place(), name(), Wait::yes);
        break;
      case 3:
        move(place(), name(), place(), name(), RenameMode::replace, pid);
        break;
      case 4:
        move(place(), name(), place(), name(), RenameMode::exchange, pid);
        break;
      case 5:
        if (const auto at = place(); at != root_) {
          ASSERT_TRUE(tree_->set_kept(at, below(2) == 0, Wait::yes));
        }
        break;
      case 6:
        claimants_.end(static_cast<lifetime::ClaimantKey>(pid));
        break;
      default:
        while (open.size() > 5) {
          tree_->release(open.front());
          open.erase(open.begin());
        }
    }
    const auto differences = tree_->audit();
    ASSERT_TRUE(differences.empty()) << "step " << step << ": " << differences.front();
  }
  for (const HandleId handle : open) tree_->release(handle);
}

}  // namespace
}  // namespace scratchfs::tree
