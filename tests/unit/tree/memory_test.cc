// The memory of objects is counted, bounded, and given back.
#include <optional>

#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

class ObjectsMemory : public TreeTest {
 protected:
  ObjectsMemory() : TreeTest(lifetime::LifetimeMode::mount) {}
  std::uint64_t counted() const { return store_->stats().memory_used; }
  // Makes objects until one fails, which must be with ENOSPC and before there are more than `most`.
  template <typename Make>
  void expect_end_before(std::uint64_t most, Make make) {
    std::uint64_t made = 0;
    std::optional<Errno> error;
    for (; made <= most && !error; ++made) {
      if (const auto done = make(std::to_string(made)); !done) error = done.error();
    }
    EXPECT_EQ(error, Errno(ENOSPC)) << made;
    EXPECT_LE(counted(), 16U << 20);
  }
};

TEST_F(ObjectsMemory, InodesEndWhereTheBudgetDoes) {
  ASSERT_TRUE(store_->set_memory(16U << 20));
  expect_end_before((16U << 20) / kInodeBytes, [&](const std::string& name) {
    return tree_->make(root_, name, S_IFDIR | 0700, 0, caller(), Wait::yes);
  });
}

TEST_F(ObjectsMemory, TargetsOfSymlinksCountTheirBytes) {
  ASSERT_TRUE(store_->set_memory(16U << 20));
  expect_end_before((16U << 20) / 4095, [&](const std::string& name) {
    return tree_->symlink(root_, name, std::string(4095, 't'), caller(), Wait::yes);
  });
}

TEST_F(ObjectsMemory, NamesBesidesTheFirstCount) {
  ASSERT_TRUE(store_->set_memory(16U << 20));
  const InodeRef file = make_file(root_, "file");
  expect_end_before((16U << 20) / kNameBytes, [&](const std::string& name) {
    return tree_->link(file, root_, name, caller(), Wait::yes);
  });
}

TEST_F(ObjectsMemory, AttributesCountWhatTheyTakeBesidesTheirBytes) {
  const InodeRef file = make_file(root_, "file");
  std::size_t made = 0;
  while (tree_->set_xattr(file, "user." + std::to_string(made), "", XattrSet::any)) ++made;
  EXPECT_LE(made, kMaxXattrBytes / kXattrOverhead);
  EXPECT_GE(counted(), kMaxXattrBytes - 2 * kXattrOverhead);
}

TEST_F(ObjectsMemory, ComesBackWithTheObjects) {
  const std::uint64_t before = counted();
  std::vector<InodeRef> known;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = std::to_string(i);
    const auto link = tree_->symlink(root_, name, std::string(500, 't'), caller(), Wait::yes);
    ASSERT_TRUE(link);
    ASSERT_TRUE(tree_->link(link->inode, root_, name + "b", caller(), Wait::yes));
    known.push_back(link->inode);
  }
  EXPECT_GE(counted() - before, 2000 * (kInodeBytes + kNameBytes + 500));
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(tree_->unlink(root_, std::to_string(i), Wait::yes));
    ASSERT_TRUE(tree_->unlink(root_, std::to_string(i) + "b", Wait::yes));
  }
  constexpr std::uint64_t kSpare = 128U << 10;  // two batches
  EXPECT_LE(counted() - before, 2000 * kInodeBytes + kSpare) << "targets and names are gone";
  EXPECT_GE(counted() - before, 2000 * kInodeBytes) << "the kernel still remembers them";
  for (const InodeRef& inode : known) tree_->forget(inode->id, 2);
  known.clear();
  EXPECT_LE(counted() - before, kSpare);
}

}  // namespace
}  // namespace scratchfs::tree
