#include "fs/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace scratchfs::base {
namespace {

Result<std::string> name(bool fine) {
  if (!fine) return Errno{ENOENT};
  return std::string("name");
}

Result<void> act(bool fine) {
  if (!fine) return kWouldBlock;
  return {};
}

TEST(Result, HoldsAValueOrAnErrno) {
  EXPECT_TRUE(name(true));
  EXPECT_EQ(*name(true), "name");
  EXPECT_EQ(name(true)->size(), 4U);
  EXPECT_FALSE(name(true).is(Errno{ENOENT}));
  EXPECT_FALSE(name(false));
  EXPECT_EQ(name(false).error().value(), ENOENT);
  EXPECT_TRUE(name(false).is(Errno{ENOENT}));
  EXPECT_FALSE(name(false).is(Errno{EIO}));
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> moved = *std::move(result);
  EXPECT_EQ(*moved, 5);
}

TEST(Result, OfNothingIsSuccessOrAnErrno) {
  EXPECT_TRUE(act(true));
  EXPECT_FALSE(act(true).is(kWouldBlock));
  EXPECT_FALSE(act(false));
  EXPECT_TRUE(act(false).is(kWouldBlock));
  EXPECT_EQ(act(false).error(), Errno{EAGAIN});
}

}  // namespace
}  // namespace scratchfs::base
