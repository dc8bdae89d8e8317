#include "fs/base/counted.h"

#include <gtest/gtest.h>

namespace scratchfs::base {
namespace {

TEST(Counted, SaysOneInTheSingularAndAllElseInThePlural) {
  EXPECT_EQ(counted(1, "user"), "1 user");
  EXPECT_EQ(counted(0, "user"), "0 users");
  EXPECT_EQ(counted(2, "open handle"), "2 open handles");
  EXPECT_EQ(counted(1, "process"), "1 process");
  EXPECT_EQ(counted(11, "process"), "11 processes");
}

}  // namespace
}  // namespace scratchfs::base
