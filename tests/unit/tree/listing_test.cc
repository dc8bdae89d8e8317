// Which entries the root of a mount with private_names shows to each user.
#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

using Strings = std::vector<std::string>;

constexpr uid_t kOwner = 500;  // of the mount
constexpr uid_t kAlice = 1000;
constexpr uid_t kBob = 2000;

class PrivateNames : public TreeTest {
 protected:
  PrivateNames() {
    start({.lifetime = lifetime::LifetimeMode::mount, .owner = kOwner, .private_names = true});
  }
  InodeRef make(const InodeRef& directory, const std::string& name, uid_t owner,
                mode_t type = S_IFREG) {
    const auto made =
        tree_->make(directory, name, type | 0700, 0, caller(kSession, owner), Wait::yes);
    EXPECT_TRUE(made) << name;
    return made->inode;
  }
  // What one call of list() shows.
  base::Result<Strings> one_listing(std::uint64_t cookie, uid_t viewer, Wait wait) {
    Strings shown;
    const auto listed = tree_->list(
        root_, cookie, viewer,
        [&](const Listed& entry) {
          shown.emplace_back(entry.name);
          return true;
        },
        wait);
    if (!listed) return listed.error();
    return shown;
  }
};

TEST_F(PrivateNames, TheRootShowsAUserHisOwnAndItsOwnerAll) {
  make(root_, "a1", kAlice);
  make(root_, "b1", kBob);
  make(root_, "a2", kAlice, S_IFDIR);
  EXPECT_EQ(names(root_, kAlice), (Strings{"a1", "a2"}));
  EXPECT_EQ(names(root_, kBob), Strings{"b1"});
  EXPECT_EQ(names(root_, 3000), Strings{});
  for (const uid_t all_seeing : {uid_t{0}, kOwner})
    EXPECT_EQ(names(root_, all_seeing), (Strings{"a1", "b1", "a2"})) << all_seeing;
  EXPECT_EQ(one_listing(0, kBob, Wait::no).operator*(), (Strings{".", "..", "b1"}));
}

TEST_F(PrivateNames, AnExactNameIsFound) {
  make(root_, "b1", kBob);
  EXPECT_TRUE(exists(root_, "b1"));
}

TEST_F(PrivateNames, BelowTheRootPermissionsDecideAlone) {
  const auto directory = make(root_, "d", kAlice, S_IFDIR);
  make(directory, "x", kAlice);
  EXPECT_EQ(names(directory, kBob), Strings{"x"});
}

TEST_F(PrivateNames, WhoIsGivenAFileIsShownIt) {
  const auto file = make(root_, "a1", kAlice);
  ASSERT_TRUE(tree_->set_attributes(file, {.uid = kBob}, Wait::no));
  EXPECT_EQ(names(root_, kAlice), Strings{});
  EXPECT_EQ(names(root_, kBob), Strings{"a1"});
}

TEST_F(PrivateNames, AHandlerPassesOverAFewThatAreHiddenAndAWorkerOverAll) {
  make(root_, "a1", kAlice);
  for (int i = 0; i < 1000; ++i) make(root_, "b" + std::to_string(i), kBob);
  EXPECT_TRUE(one_listing(2, kAlice, Wait::no).is(base::kWouldBlock));
  EXPECT_EQ(*one_listing(2, kAlice, Wait::yes), Strings{"a1"});
  // Something has been shown, so there is a reply and nothing to wait for.
  EXPECT_EQ(*one_listing(0, kAlice, Wait::no), (Strings{".", ".."}));
  EXPECT_EQ(*one_listing(2, 3000, Wait::yes), Strings{}) << "the end";
}

TEST_F(PrivateNames, WithoutItAllAreShown) {
  start({.lifetime = lifetime::LifetimeMode::mount, .owner = kOwner});
  make(root_, "a1", kAlice);
  make(root_, "b1", kBob);
  EXPECT_EQ(names(root_, kAlice), (Strings{"a1", "b1"}));
}

}  // namespace
}  // namespace scratchfs::tree
