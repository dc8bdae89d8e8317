#include "fs/kernel/transport/run_or_park.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

#include "tests/fakes/fake_kernel.h"

namespace scratchfs::kernel {
namespace {

// Runs `op` for each LOOKUP and WRITE, with the name or the data.
struct Server : Transport {
  std::function<base::Result<Text>(Request&, base::Wait, std::string_view)> op;
};

std::string_view text_of(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops operations{};
  operations.lookup = [](fuse_req_t raw, fuse_ino_t parent, const char* name) {
    auto& server = *static_cast<Server*>(fuse_req_userdata(raw));
    run_or_park(
        server, raw, Opcode::lookup, parent,
        [&server](Request& request, base::Wait wait, std::string_view wanted) {
          return server.op(request, wait, wanted);
        },
        std::string_view(name));
  };
  operations.write = [](fuse_req_t raw, fuse_ino_t inode, const char* data, size_t size, off_t,
                        fuse_file_info*) {
    auto& server = *static_cast<Server*>(fuse_req_userdata(raw));
    run_or_park(
        server, raw, Opcode::write, inode,
        [&server](Request& request, base::Wait wait, const WriteData& sent) {
          return server.op(request, wait, text_of(sent.bytes));
        },
        WriteData{std::as_bytes(std::span(data, size))});
  };
  return operations;
}

class ServeTest : public testing::Test {
 protected:
  ServeTest() { kernel.initialize(); }
  ~ServeTest() override { parking.drain(); }

  Counters counters;
  Parking parking{2};
  Server server{{parking, counters}, {}};
  test::FakeKernel kernel{operations(), &server};
};

TEST_F(ServeTest, WhatNeedNotWaitIsAnsweredInTheHandler) {
  const std::thread::id handler = std::this_thread::get_id();
  server.op = [&](Request&, base::Wait wait, std::string_view name) -> base::Result<Text> {
    EXPECT_EQ(wait, base::Wait::no);
    EXPECT_EQ(std::this_thread::get_id(), handler);
    return Text{std::string(name)};
  };
  kernel.lookup(1, "name");
  ASSERT_EQ(kernel.messages().size(), 1U);
  EXPECT_EQ(kernel.messages()[0].text(), "name");
  EXPECT_EQ(parking.parked_total(), 0U);
  EXPECT_EQ(counters.totals()[static_cast<std::size_t>(Opcode::lookup)].count(), 1U);
}

TEST_F(ServeTest, WhatWouldWaitIsFinishedByAWorker) {
  const std::thread::id handler = std::this_thread::get_id();
  server.op = [&](Request&, base::Wait wait, std::string_view) -> base::Result<Text> {
    if (wait == base::Wait::no) return base::kWouldBlock;
    EXPECT_NE(std::this_thread::get_id(), handler);
    return base::Errno(ENOSPC);
  };
  const std::uint64_t unique = kernel.lookup(1, "name");
  const auto messages = kernel.await(1);
  EXPECT_EQ(messages[0].unique, unique);
  EXPECT_EQ(messages[0].error, -ENOSPC);
  EXPECT_EQ(parking.parked_total(), 1U);
  EXPECT_EQ(counters.totals()[static_cast<std::size_t>(Opcode::lookup)].count(), 1U);
}

// As a reader would, the fake kernel reuses the buffer of a request once its handler has returned.
TEST_F(ServeTest, NamesAndDataOutliveTheHandler) {
  std::atomic<int> returned = 0;
  server.op = [&](Request&, base::Wait wait, std::string_view text) -> base::Result<Text> {
    if (wait == base::Wait::no) return base::kWouldBlock;
    while (returned == 0) std::this_thread::yield();
    return Text{std::string(text)};
  };
  kernel.lookup(1, "a name that is too long to lie inside a std::string");
  returned = 1;
  EXPECT_EQ(kernel.await(1)[0].text(), "a name that is too long to lie inside a std::string");
  returned = 0;
  kernel.write(1, "data");
  returned = 1;
  EXPECT_EQ(kernel.await(2)[1].text(), "data");
}

TEST_F(ServeTest, BeyondABoundOnlyTheFirstPartOfWhatIsWrittenIsKept) {
  server.op = [&](Request&, base::Wait wait, std::string_view text) -> base::Result<Text> {
    if (wait == base::Wait::no) return base::kWouldBlock;
    return Text{std::to_string(text.size())};
  };
  // The copy of a write's data is released a moment after its reply.
  const auto until_kept = [this](std::uint64_t bytes) {
    while (parking.copied_bytes().now() != bytes) std::this_thread::yield();
  };
  const std::string data(100'000, 'x');
  kernel.write(1, data);
  EXPECT_EQ(kernel.await(1)[0].text(), "100000");
  until_kept(0);
  const ParkedShare others(parking.copied_bytes(),
                           parking.copied_bytes().take(ParkedBytes::kFreely, false));
  kernel.write(1, data);
  EXPECT_EQ(kernel.await(2)[1].text(), std::to_string(ParkedBytes::kPiece));
  until_kept(ParkedBytes::kFreely);
  const ParkedShare more(
      parking.copied_bytes(),
      parking.copied_bytes().take(ParkedBytes::kAtMost - ParkedBytes::kFreely, true));
  kernel.write(1, data);
  EXPECT_EQ(kernel.await(3)[2].error, -ENOMEM);
  EXPECT_EQ(counters.totals()[static_cast<std::size_t>(Opcode::write)].count(), 3U)
      << "what is refused is counted too";
  while (parking.parked() > 0) std::this_thread::yield();
  EXPECT_EQ(parking.copied_bytes().now(), ParkedBytes::kAtMost);
}

TEST_F(ServeTest, NothingIsThrownThroughLibfuse) {
  server.op = [](Request&, base::Wait, std::string_view name) -> base::Result<Text> {
    if (name == "memory") throw std::bad_alloc();
    throw std::runtime_error("broken");
  };
  kernel.lookup(1, "memory");
  kernel.lookup(1, "other");
  ASSERT_EQ(kernel.messages().size(), 2U);
  EXPECT_EQ(kernel.messages()[0].error, -ENOMEM);
  EXPECT_EQ(kernel.messages()[1].error, -EIO);
}

TEST_F(ServeTest, WhatAWorkerThrowsIsAnsweredToo) {
  server.op = [](Request&, base::Wait wait, std::string_view) -> base::Result<Text> {
    if (wait == base::Wait::no) return base::kWouldBlock;
    throw std::bad_alloc();
  };
  kernel.lookup(1, "name");
  EXPECT_EQ(kernel.await(1)[0].error, -ENOMEM);
}

TEST_F(ServeTest, OnceTheParkingIsDrainedWhatWouldWaitFails) {
  parking.drain();
  server.op = [](Request&, base::Wait, std::string_view) -> base::Result<Text> {
    return base::kWouldBlock;
  };
  kernel.lookup(1, "name");
  ASSERT_EQ(kernel.messages().size(), 1U);
  EXPECT_EQ(kernel.messages()[0].error, -ENOTCONN);
}

}  // namespace
}  // namespace scratchfs::kernel
