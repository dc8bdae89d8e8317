#include "fs/kernel/transport/page_moves.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "tests/units.h"

namespace scratchfs::kernel {
namespace {

class PageMoves : public testing::Test {
 protected:
  PageMoves() {
    void* const memory =
        mmap(nullptr, 16 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area_ = {static_cast<std::byte*>(memory), 16 * kPage};
    put(1);
  }
  ~PageMoves() override { munmap(area_.data(), area_.size()); }

  void put(int value) { std::ranges::fill(area_, static_cast<std::byte>(value)); }
  bool holds(int value) const {
    return std::ranges::all_of(area_,
                               [value](std::byte b) { return b == static_cast<std::byte>(value); });
  }
  std::ptrdiff_t in_memory() const {
    std::array<unsigned char, 16> pages{};
    EXPECT_EQ(mincore(area_.data(), area_.size(), pages.data()), 0);
    return std::ranges::count(pages, 1);
  }
  // Returns an `is_idle` function, which is called before and after the pages are moved. Its call
  // number `when` runs `arrive`, after which it is no longer idle.
  template <typename Arrive>
  static auto idle_until(int when, Arrive arrive) {
    return [when, arrive, asked = 0, idle = true]() mutable {
      const bool before = asked++ == 0 && when == 1;
      const bool answer = idle;  // `arrive` runs between the first answer and the move
      if (before || (asked == 2 && when == 2)) {
        arrive();
        idle = false;
      }
      return before ? answer : idle;
    };
  }

  std::span<std::byte> area_;
};

TEST_F(PageMoves, WhatIsIdleGoesBack) {
  EXPECT_TRUE(give_back_pages(area_, [] { return true; }));
  EXPECT_EQ(in_memory(), 0);
  EXPECT_TRUE(holds(0));
  put(2);
  EXPECT_TRUE(holds(2));
}

TEST_F(PageMoves, WhatIsNotIdleStays) {
  EXPECT_FALSE(give_back_pages(area_, [] { return false; }));
  EXPECT_EQ(in_memory(), 16);
  EXPECT_TRUE(holds(1));
}

TEST_F(PageMoves, WhatComesBeforeThePagesAreMovedStays) {
  EXPECT_FALSE(give_back_pages(area_, idle_until(1, [this] { put(3); })));
  EXPECT_TRUE(holds(3));
  EXPECT_EQ(in_memory(), 16);
}

TEST_F(PageMoves, WhatComesAfterThePagesAreMovedStays) {
  EXPECT_TRUE(give_back_pages(area_, idle_until(2, [this] { area_[0] = std::byte{4}; })));
  EXPECT_EQ(area_[0], std::byte{4});
  EXPECT_EQ(in_memory(), 1);
}

TEST_F(PageMoves, WhatIsLockedStaysLocked) {
  // Not mlock(3): the sanitizers make nothing of it.
  if (syscall(SYS_mlock, area_.data(), area_.size()) != 0)
    GTEST_SKIP() << "no memory may be locked here";
  EXPECT_FALSE(give_back_pages(area_, [] { return true; }));
  EXPECT_TRUE(holds(1));
}

}  // namespace
}  // namespace scratchfs::kernel
