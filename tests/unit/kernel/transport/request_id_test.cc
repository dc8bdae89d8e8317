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
  const RequestId id = request_id_of(bytes_of(header));
  EXPECT_EQ(id.number, 42U);
  EXPECT_FALSE(id.interrupts);
}

TEST(RequestId, TellsWhatAnInterruptIsFor) {
  const fuse_in_header header{.opcode = FUSE_INTERRUPT, .unique = 43};
  const fuse_interrupt_in body{.unique = 42};
  EXPECT_EQ(request_id_of(bytes_of(header, body)).interrupts, 42U);
}

TEST(RequestId, TakesNothingFromWhatIsTooShort) {
  const fuse_in_header header{.opcode = FUSE_INTERRUPT, .unique = 43};
  EXPECT_FALSE(request_id_of(bytes_of(header)).interrupts);
  EXPECT_EQ(request_id_of({}).number, 0U);
}

TEST(CurrentRequestId, IsOneThreadsAndEndsWithIt) {
  {
    const CurrentRequestId number(42);
    EXPECT_EQ(current_number(), 42U);
    std::thread([] { EXPECT_EQ(current_number(), 0U); }).join();
  }
  EXPECT_EQ(current_number(), 0U);
}

}  // namespace
}  // namespace scratchfs::kernel
