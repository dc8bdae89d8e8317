#include "fs/kernel/metrics/counters.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace scratchfs::kernel {
namespace {

using namespace std::chrono_literals;

TEST(Counters, AddUpWhatAllThreadsCounted) {
  // On the heap: g++'s AddressSanitizer does not align a stack frame to 64 bytes.
  const auto made = std::make_unique<Counters>();
  Counters& counters = *made;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&counters] {
      for (int n = 0; n < 1000; ++n) counters.note(Opcode::read, 1us);
      counters.note(Opcode::write, 1ms);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters.totals()[static_cast<std::size_t>(Opcode::read)].count(), 20'000U);
  EXPECT_EQ(counters.totals()[static_cast<std::size_t>(Opcode::write)].count(), 20U);
  EXPECT_EQ(counters.totals()[static_cast<std::size_t>(Opcode::open)].count(), 0U);
  const Latencies writes = counters.totals()[static_cast<std::size_t>(Opcode::write)];
  EXPECT_EQ(writes.nanoseconds, 20'000'000U);
  EXPECT_EQ(writes.count_below(latency_bucket(1'000'000)), 20U);
  EXPECT_EQ(writes.count_below(latency_bucket(1'000'000) - 1), 0U);
}

TEST(Opcode, EachKindHasANameOfItsOwn) {
  const std::set<std::string_view> names(kOpcodeNames.begin(), kOpcodeNames.end());
  EXPECT_EQ(names.size(), kOpcodeNames.size());
  EXPECT_FALSE(names.contains(""));
  EXPECT_EQ(name_of(Opcode::lookup), "LOOKUP");
  EXPECT_EQ(name_of(Opcode::release), "RELEASE");
  EXPECT_EQ(name_of(Opcode::copy_file_range), "COPY_FILE_RANGE");
}

}  // namespace
}  // namespace scratchfs::kernel
