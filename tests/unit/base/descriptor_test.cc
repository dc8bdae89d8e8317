#include "fs/base/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <utility>

namespace scratchfs::base {
namespace {

Descriptor any() { return Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool is_open(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

TEST(Descriptor, IsClosedAtItsOwnersEnd) {
  int number = -1;
  {
    const Descriptor owner = any();
    ASSERT_TRUE(owner.valid());
    number = owner.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Descriptor, IsNotClosedOnceItWasReleased) {
  int number = -1;
  {
    Descriptor owner = any();
    number = owner.release();
    EXPECT_FALSE(owner.valid());
  }
  EXPECT_TRUE(is_open(number));
  EXPECT_EQ(close(number), 0);
}

TEST(Descriptor, MovesToAnotherOwner) {
  Descriptor first = any();
  const int number = first.get();
  int replaced = -1;
  {
    Descriptor second = any();
    replaced = second.get();
    second = std::move(first);
    EXPECT_EQ(second.get(), number);
    first = Descriptor(-1);
  }
  EXPECT_FALSE(is_open(number));
  EXPECT_FALSE(is_open(replaced));
}

}  // namespace
}  // namespace scratchfs::base
