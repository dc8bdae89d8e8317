#include "fs/base/read_all.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace scratchfs::base {
namespace {

Descriptor file_of(const std::string& text) {
  Descriptor file(memfd_create("text", MFD_CLOEXEC));
  EXPECT_EQ(pwrite(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return file;
}

TEST(ReadAll, GivesEveryByteToTheEnd) {
  const std::string text(200'000, 'x');
  EXPECT_EQ(*read_all(file_of(text), text.size()), text);
  EXPECT_EQ(*read_all(file_of(""), 0), "");
}

TEST(ReadAll, TakesNoMoreThanItMay) { EXPECT_TRUE(read_all(file_of("1234"), 3).is(Errno(EFBIG))); }

TEST(ReadAll, TellsWhyItCannot) { EXPECT_TRUE(read_all(Descriptor(-1), 1).is(Errno(EBADF))); }

}  // namespace
}  // namespace scratchfs::base
