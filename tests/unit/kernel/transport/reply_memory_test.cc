#include "fs/kernel/transport/reply_memory.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <vector>

namespace scratchfs::kernel {
namespace {

using base::Wait;

TEST(ThreadBuffer, GrowsAndGivesLargeOnesBack) {
  thread_buffer(kKeptBuffer)[0] = std::byte{1};
  std::byte* const small = thread_buffer(10).data();
  give_back_large_buffer();
  EXPECT_EQ(thread_buffer(kKeptBuffer).data(), small);
  EXPECT_EQ(thread_buffer(kKeptBuffer)[0], std::byte{1}) << "it was kept";
  thread_buffer(1 << 20).back() = std::byte{2};
  give_back_large_buffer();
  EXPECT_EQ(thread_buffer(1 << 20).back(), std::byte{0}) << "it was not";
  give_back_large_buffer();
}

TEST(ReplyRoom, WhoFindsNoneWaitsForOthersToEnd) {
  ReplyRoom room;
  std::vector<ReplyRoom::Share> all;
  for (std::size_t taken = 0; taken < ReplyRoom::kMost; taken += 1 << 20)
    all.push_back(*room.take(1 << 20, Wait::yes));
  const base::CancellableDeadline deadline(std::chrono::milliseconds(1), base::Errno(EIO));
  EXPECT_TRUE(room.take(1, Wait(deadline)).is(base::Errno(EIO)));
  EXPECT_TRUE(room.take(0, Wait::no)) << "what builds nothing never waits";
  std::thread waiting([&] { EXPECT_TRUE(room.take(2 << 20, Wait::yes)); });
  all.pop_back();
  all.pop_back();
  waiting.join();
}

}  // namespace
}  // namespace scratchfs::kernel
