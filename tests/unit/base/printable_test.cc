#include "fs/base/printable.h"

#include <gtest/gtest.h>

#include <string>

namespace scratchfs::base {
namespace {

TEST(Printable, LeavesTextAlone) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("a b~!"), "a b~!");
  EXPECT_EQ(printable("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0"),
            "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0");
}

TEST(Printable, HasNoControlCharacters) {
  EXPECT_EQ(printable("a\nb\tc\033[31m\x7f"), "a?b?c?[31m?");
  EXPECT_EQ(printable(std::string("\0", 1)), "?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m")
      << "one of the second set, as UTF-8";
}

TEST(Printable, HasNoBytesThatAreNoCharacter) {
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "?31m");
  EXPECT_EQ(printable("\xc3"), "?");
  EXPECT_EQ(printable("\xc3("), "?(");
  EXPECT_EQ(printable("\xc0\xaf"), "??") << "too long for what it means";
  EXPECT_EQ(printable("\xe0\x80\xaf"), "???");
  EXPECT_EQ(printable("\xed\xa0\x80"), "???") << "half of a surrogate pair";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????") << "beyond the last";
  EXPECT_EQ(printable("\xff"
                      "a"),
            "?a");
}

}  // namespace
}  // namespace scratchfs::base
