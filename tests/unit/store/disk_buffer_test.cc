#include "fs/store/disk_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace scratchfs::store {
namespace {

TEST(DiskBuffer, IsAlignedForDirectTransfers) {
  const DiskBuffer buffer = make_disk_buffer(3 * kPageSize);
  ASSERT_NE(buffer, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % kPageSize, 0U);
}

TEST(DiskBuffers, AreUsedAgainAndNeverTwiceAtOnce) {
  DiskBuffers buffers(kBlockSize);
  DiskBuffer first = buffers.take();
  DiskBuffer second = buffers.take();
  EXPECT_NE(first.get(), second.get());
  const std::byte* address = first.get();
  buffers.put(std::move(first));
  EXPECT_EQ(buffers.take().get(), address);
}

}  // namespace
}  // namespace scratchfs::store
