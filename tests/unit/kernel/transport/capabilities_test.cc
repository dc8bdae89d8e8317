#include "fs/kernel/transport/capabilities.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>

#include "tests/fakes/fake_kernel.h"

namespace scratchfs::kernel {
namespace {

// Returns the INIT flags in the reply to a kernel that offers every capability.
std::uint64_t answered_flags(std::uint32_t* max_write = nullptr) {
  fuse_lowlevel_ops operations{};
  operations.init = [](void*, fuse_conn_info* connection) { choose_capabilities(*connection); };
  // With these handlers, libfuse asks for splice and locks unless it is told not to.
  operations.write_buf = [](fuse_req_t, fuse_ino_t, fuse_bufvec*, off_t, fuse_file_info*) {};
  operations.flock = [](fuse_req_t, fuse_ino_t, fuse_file_info*, int) {};
  test::FakeKernel kernel(operations, nullptr);
  kernel.initialize();
  if (max_write != nullptr) *max_write = kernel.max_write();
  return kernel.flags();
}

TEST(Capabilities, WritesThatWouldFailAtCloseOnlyAreNotAskedFor) {
  EXPECT_EQ(answered_flags() & FUSE_WRITEBACK_CACHE, 0U);
}

TEST(Capabilities, ModesAtCreationAndKillingSetIdBitsAreOurs) {
  EXPECT_NE(answered_flags() & FUSE_DONT_MASK, 0U);
  EXPECT_NE(answered_flags() & FUSE_HANDLE_KILLPRIV_V2, 0U);
}

TEST(Capabilities, LocksStayInTheKernel) {
  EXPECT_EQ(answered_flags() & (FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS), 0U);
}

TEST(Capabilities, PagesStayCachedAndAreNotLeftStale) {
  EXPECT_NE(answered_flags() & FUSE_EXPLICIT_INVAL_DATA, 0U);
  EXPECT_EQ(answered_flags() & (FUSE_AUTO_INVAL_DATA | FUSE_ASYNC_DIO), 0U);
}

// Returns whether handles may bypass the page cache, for a kernel of this release that offers, or
// does not offer, shared mappings of files opened for direct I/O.
bool bypasses(const char* release, bool offers_mappings = true) {
  struct Asked {
    const char* release;
    bool offers_mappings;
    bool answer;
  };
  Asked asked{release, offers_mappings, false};
  fuse_lowlevel_ops operations{};
  operations.init = [](void* userdata, fuse_conn_info* connection) {
    Asked& question = *static_cast<Asked*>(userdata);
    if (!question.offers_mappings) connection->capable_ext &= ~FUSE_CAP_DIRECT_IO_ALLOW_MMAP;
    choose_capabilities(*connection);
    question.answer = may_bypass_page_cache(*connection, question.release);
  };
  test::FakeKernel kernel(operations, &asked);
  kernel.initialize();
  return asked.answer;
}

TEST(Capabilities, NoHandleBypassesThePageCacheWhereItsFileCouldNotBeMapped) {
  EXPECT_FALSE(bypasses("6.19.0", false));
  EXPECT_TRUE(bypasses("6.19.0"));
}

TEST(Capabilities, NorWhereAWriteMayLeaveAStalePage) {
  for (const char* release : {"6.6.119", "6.8.0-79-generic", "6.12.63+deb13-amd64",
                              "6.12.0-55.el10", "6.17.13", "6.18.2", "6.18", "no number"})
    EXPECT_FALSE(bypasses(release)) << release;
  for (const char* release : {"6.12.64+deb13-amd64", "6.12.117", "6.18.3", "6.18.44-fc-v657",
                              "6.19.0-rc1", "6.20", "7.0.1-amd64", "10.1"})
    EXPECT_TRUE(bypasses(release)) << release;
}

TEST(Capabilities, RequestsCarryAMebibyte) {
  std::uint32_t max_write = 0;
  answered_flags(&max_write);
  EXPECT_EQ(max_write, kMaxWrite);
}

}  // namespace
}  // namespace scratchfs::kernel
