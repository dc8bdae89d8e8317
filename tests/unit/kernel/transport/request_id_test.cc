#include "fs/kernel/transport/request_id.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>

#include <cstring>
#include <thread>
#include <vector>

namespace scratchfs::kernel {
namespace {

template <typename... Parts>
std::vector<std::byte> bytes_of(const Parts&... parts) {
  std::vector<std::byte> bytes;
  const auto add = [&bytes](const auto& part) {
    const auto* begin = reinterpret_cast<const std::byte*>(&part);
    bytes.insert(bytes.end(), begin, begin + sizeof part);
  };
  (add(parts), ...);
  return bytes;
}

TEST(RequestId, TellsTheNumber) {
  const fuse_in_header header{.len = sizeof header, .opcode = FUSE_LOOKUP, .unique = 42};
  const RequestIds ids = request_ids_of(bytes_of(header));
  EXPECT_EQ(ids.id, 42U);
  EXPECT_FALSE(ids.interrupts);
}

TEST(RequestId, TellsWhatAnInterruptIsFor) {
  const fuse_in_header header{.opcode = FUSE_INTERRUPT, .unique = 43};
  const fuse_interrupt_in body{.unique = 42};
  EXPECT_EQ(request_ids_of(bytes_of(header, body)).interrupts, 42U);
}

TEST(RequestId, TakesNothingFromWhatIsTooShort) {
  const fuse_in_header header{.opcode = FUSE_INTERRUPT, .unique = 43};
  EXPECT_FALSE(request_ids_of(bytes_of(header)).interrupts);
  EXPECT_EQ(request_ids_of({}).id, 0U);
}

TEST(CurrentRequestId, IsOneThreadsAndEndsWithIt) {
  {
    const CurrentRequestId current(42);
    EXPECT_EQ(current_request_id(), 42U);
    std::thread([] { EXPECT_EQ(current_request_id(), 0U); }).join();
  }
  EXPECT_EQ(current_request_id(), 0U);
}

}  // namespace
}  // namespace scratchfs::kernel
