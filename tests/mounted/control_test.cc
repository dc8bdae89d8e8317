// A request on the control file counts as its opener's, however it was written there.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

const std::string kNoLimits =
    R"({"version":1,"command":"set_quota","everyone":true,"bytes":null,"inodes":null})";

class Control : public testing::TestWithParam<Transport> {
 protected:
  Fd open_control() const {
    return Fd(open((mount_ / ".scratchfs-control").c_str(), O_RDWR | O_CLOEXEC));
  }
  bool has_limits() const {
    const Finished quota = run({scratchfs_binary(), "quota", mount_.path(), "--json"});
    EXPECT_EQ(quota.code, 0) << quota.err;
    return nlohmann::json::parse(quota.out)["everyone"]["bytes_limit"] == 1 << 20;
  }
  static std::string answer_on(const Fd& file) {
    std::string text(kPage, '\0');
    const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
  static bool is_refused(const std::string& answer) {
    return answer.find("only root") != std::string::npos;
  }
  static std::string padded(std::string text) {
    text.resize(kPage, ' ');
    return text;
  }

  Mount mount_{"memory=16M,spill=0,quota=1M", GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, Control, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Control, APrivilegedProgramThatWritesToAUsersDescriptorSpeaksForTheUser) {
  check_in_child(Who{}, [&] {
    ASSERT_EQ(seteuid(kAlice), 0);
    const Fd file = open_control();
    ASSERT_EQ(seteuid(0), 0);
    ASSERT_TRUE(file.valid());
    EXPECT_EQ(pwrite(file.get(), kNoLimits.data(), kNoLimits.size(), 0), ssize_t(kNoLimits.size()));
    EXPECT_TRUE(is_refused(answer_on(file))) << answer_on(file);
  });
  EXPECT_TRUE(has_limits());
}

TEST_P(Control, WhatTheKernelWritesBackIsNobodysRequest) {
  check_in_child(as_user(kAlice), [&] {
    const Fd file = open_control();
    // First a harmless request of her own, so that the file is as large as a page.
    const std::string harmless = padded(R"({"version":1,"command":"quota"})");
    ASSERT_EQ(pwrite(file.get(), harmless.data(), kPage, 0), ssize_t(kPage));
    void* const mapped = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    ASSERT_NE(mapped, MAP_FAILED);
    memcpy(mapped, padded(kNoLimits).data(), kPage);
    EXPECT_EQ(outcome(msync(mapped, kPage, MS_SYNC)), "EIO");
    munmap(mapped, kPage);
    EXPECT_EQ(answer_on(file).find("everyone\":{\"bytes_limit\":null"), std::string::npos);
  });
  EXPECT_TRUE(has_limits());
}

TEST_P(Control, ADescriptorThatRootOpenedSpeaksForRoot) {
  const Fd file = open_control();
  check_in_child(as_user(kAlice), [&] {
    ASSERT_EQ(pwrite(file.get(), kNoLimits.data(), kNoLimits.size(), 0), ssize_t(kNoLimits.size()));
  });
  EXPECT_FALSE(is_refused(answer_on(file)));
  EXPECT_FALSE(has_limits());
}

}  // namespace
}  // namespace scratchfs::harness
