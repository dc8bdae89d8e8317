#include "fs/kernel/transport/capabilities.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>

#include "tests/fakes/fake_kernel.h"

namespace scratchfs::kernel {
namespace {

// What is answered to a kernel that can do everything.
std::uint64_t answered_flags(std::uint32_t* max_write = nullptr) {
  fuse_lowlevel_ops operations{};
  operations.init = [](void*, fuse_conn_info* connection) { choose_capabilities(*connection); };
  // Were libfuse asked for nothing, these would make it take up splice and locks by itself.
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

TEST(Capabilities, RequestsCarryAMebibyte) {
  std::uint32_t max_write = 0;
  answered_flags(&max_write);
  EXPECT_EQ(max_write, kMaxWrite);
}

}  // namespace
}  // namespace scratchfs::kernel
