// What nothing holds goes, soon, and nothing else does: where names are exchanged, linked and
// removed by several sessions, and where one of them leaves very much behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <string>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

class HeldByNothing : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"memory=256M,inodes=200000", GetParam()};
  std::string at(const std::string& name) const { return mount_ / name; }
  std::uint64_t inodes_used() const {
    struct statvfs space {};
    EXPECT_EQ(statvfs(mount_.path().c_str(), &space), 0);
    return space.f_files - space.f_ffree;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, HeldByNothing,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(HeldByNothing, AnExchangeLosesNothingOfADirectory) {
  Child maker = session([&] {
    ASSERT_EQ(mkdir(at("job").c_str(), 0700), 0);
    make_file(at("job/result").c_str(), "result");
  });
  Fd loose(open(at("loose").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(
      renameat2(AT_FDCWD, at("job/result").c_str(), AT_FDCWD, at("loose").c_str(), RENAME_EXCHANGE),
      0);
  EXPECT_EQ(bytes_of_file(at("loose")), "result");
  EXPECT_EQ(loose.close(), 0);
  EXPECT_TRUE(exists(at("job/result"))) << "what went in is held by the directory";
  end(maker);
  EXPECT_TRUE(gone_soon(at("job")));
  EXPECT_EQ(bytes_of_file(at("loose")), "result") << "it is claimed by who exchanged it";
}

TEST_P(HeldByNothing, AFileGoesWithTheLastNameThatIsHeld) {
  claim(at("f"));
  Child linker = session([&] { ASSERT_EQ(link(at("f").c_str(), at("g").c_str()), 0); });
  end(linker);
  EXPECT_FALSE(goes(at("g"))) << "the other name is claimed";
  ASSERT_EQ(unlink(at("f").c_str()), 0);
  EXPECT_TRUE(gone_soon(at("g")));
  // It is charged until the kernel has been told.
  EXPECT_TRUE(eventually([&] { return inodes_used() == 0; }, 10));
}

TEST_P(HeldByNothing, ALargeSessionsEndDelaysNoOthers) {
  constexpr int kMany = 30'000;
  Child large = session([&] {
    for (int i = 0; i < kMany; ++i) claim(at("large" + std::to_string(i)));
  });
  Child small = session([&] { claim(at("small")); });
  end(large);
  end(small);
  EXPECT_TRUE(gone_soon(at("small")));
  EXPECT_GT(inodes_used(), 0U) << "the large one is not done yet";
  EXPECT_TRUE(eventually([&] { return inodes_used() == 0; }, 60));
}

}  // namespace
}  // namespace scratchfs::harness
