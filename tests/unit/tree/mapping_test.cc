// Data that is in the kernel's page cache before the tree has it.
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/tree/tree_fixture.h"
#include "tests/units.h"

namespace scratchfs::tree {
namespace {

class Mapping : public TreeTest {
 protected:
  std::size_t read_page(HandleId handle, std::uint64_t page, Via via) {
    std::vector<std::byte> into(kPage);
    return *tree_->read(*tree_->handle(handle), into, page * kPage, via, Wait::yes);
  }
  base::Result<std::size_t> write_back(HandleId handle, std::uint64_t page, std::size_t pages) {
    const std::vector<std::byte> from(pages * kPage, std::byte{'x'});
    return tree_->write_back(*tree_->handle(handle), from, page * kPage, Wait::yes);
  }
  std::uint64_t seek(HandleId handle, std::uint64_t offset, int whence) {
    return *tree_->seek(*tree_->handle(handle), offset, whence);
  }
  void grow(const InodeRef& inode, std::uint64_t pages) {
    EXPECT_TRUE(tree_->set_attributes(inode, {.size = pages * kPage}, Wait::yes));
  }
  bool flushes(HandleId handle) { return static_cast<bool>(tree_->flush(*tree_->handle(handle))); }
  bool syncs(HandleId handle) { return static_cast<bool>(tree_->sync(*tree_->handle(handle))); }
};

TEST_F(Mapping, NoHandleIsDirectBeforeTheKernelAllowsIt) {
  const auto before = create(root_, "before", O_RDWR | O_CREAT);
  EXPECT_FALSE(before.opened.direct);
  grow(before.found.inode, (256ULL << 20) / kPage);
  tree_->release(tree_->open(before.found.inode, O_RDONLY, 1000, false, Wait::yes)->handle);
  tree_->allow_direct_io(true);
  const auto along = tree_->open(before.found.inode, O_RDWR, 1000, false, Wait::yes);
  EXPECT_FALSE(along->direct) << "a file's handles are all the one or the other";
  const auto after = create(root_, "after", O_RDWR | O_CREAT);
  EXPECT_TRUE(after.opened.direct);
  tree_->release(before.opened.handle);
  tree_->release(along->handle);
  tree_->release(after.opened.handle);
}

TEST_F(Mapping, AHoleThatTheKernelHasReadCountsAsDataWhileTheFileMayBeMapped) {
  const auto file = create(root_, "f", O_RDWR | O_CREAT | O_EXCL);
  const HandleId handle = file.opened.handle;
  write(handle, std::string(kPage, 'x'), 0);
  grow(file.found.inode, 10);
  read_page(handle, 5, Via::call);
  read_page(handle, 0, Via::page_cache);
  EXPECT_EQ(seek(handle, 0, SEEK_HOLE), kPage) << "no hole was read, or not into the page cache";
  read_page(handle, 5, Via::page_cache);
  EXPECT_EQ(seek(handle, 3 * kPage, SEEK_DATA), 3 * kPage);
  EXPECT_EQ(seek(handle, 0, SEEK_HOLE), 10 * kPage);
  EXPECT_TRUE(tree_->seek(*tree_->handle(handle), 10 * kPage, SEEK_DATA).is(Errno(ENXIO)));
  const auto reader = tree_->open(file.found.inode, O_RDONLY, 1000, false, Wait::yes);
  tree_->release(handle);
  EXPECT_EQ(seek(reader->handle, 0, SEEK_HOLE), kPage) << "nobody can store any more";
  tree_->release(reader->handle);
}

TEST_F(Mapping, APageWithoutRoomTakesNoOtherAlong) {
  const auto file = create(root_, "f", O_RDWR | O_CREAT | O_EXCL);
  const HandleId handle = file.opened.handle;
  write(handle, std::string(kPage, 'a'), 7 * kPage);
  grow(file.found.inode, 8);
  ledger_.set_limits(1000, quota::Limits{.bytes = 3 * kPage});
  ASSERT_EQ(*write_back(handle, 0, 8), 8 * kPage) << "the kernel would make EIO of it";
  EXPECT_EQ(ledger_.row(1000).usage.bytes, 3 * kPage);
  std::vector<std::byte> last(1);
  EXPECT_EQ(*tree_->read(*tree_->handle(handle), last, 7 * kPage, Via::call, Wait::yes), 1U);
  EXPECT_EQ(last[0], std::byte{'x'});
  EXPECT_FALSE(flushes(handle));
  EXPECT_FALSE(flushes(handle)) << "until it is synced";
  EXPECT_FALSE(syncs(handle));
  EXPECT_TRUE(syncs(handle)) << "once";
  EXPECT_TRUE(flushes(handle));
  const auto later = tree_->open(file.found.inode, O_RDWR, 1000, false, Wait::yes);
  EXPECT_TRUE(syncs(later->handle)) << "it was not open then";
  tree_->release(later->handle);
  tree_->release(handle);
}

TEST_F(Mapping, WhatCanBeMappedForWritingFlushesWhereItsOwnerHasALimit) {
  const auto free = create(root_, "free", O_RDWR | O_CREAT | O_EXCL);
  EXPECT_FALSE(free.opened.needs_flush);
  ledger_.set_limits(1000, quota::Limits{.bytes = 100 * kPage});
  for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR}) {
    const auto opened = tree_->open(free.found.inode, flags, 1000, false, Wait::yes);
    EXPECT_EQ(opened->needs_flush, flags == O_RDWR);
    tree_->release(opened->handle);
  }
  tree_->release(free.opened.handle);
}

}  // namespace
}  // namespace scratchfs::tree
