#include "fs/base/memory_pressure.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "tests/fakes/scarce_memory_new.h"
#include "tests/unit/base/machine_root.h"

namespace scratchfs::base {
namespace {

using namespace std::chrono_literals;

class MemoryPressureTest : public MachineRootTest {
 protected:
  std::string read(const std::string& path) const {
    std::ifstream file(root_ + path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void available(int percent) const {
    write("/proc/meminfo", "MemTotal:       1000 kB\nMemFree:        1 kB\nMemAvailable:   " +
                               std::to_string(percent * 10) + " kB\n");
  }
};

TEST_F(MemoryPressureTest, LooksAtWhatIsAvailableWhereTheKernelTellsNothing) {
  available(50);
  EXPECT_FALSE(is_short_of_memory(root_));
  auto pressure = system_memory_pressure(root_);
  EXPECT_FALSE(pressure->wait(1ms));
  available(9);
  EXPECT_TRUE(is_short_of_memory(root_));
  EXPECT_TRUE(pressure->wait(std::nullopt));
  EXPECT_TRUE(pressure->wait(1h)) << "as long as it lasts";
}

TEST_F(MemoryPressureTest, IsShortWhereThereIsNoMemoryToLookWith) {
  available(50);
  for (std::uint64_t spared = 0;; ++spared) {
    const fakes::OneFailure failure(spared);
    const bool is_short = is_short_of_memory(root_);
    if (!failure.happened()) break;
    EXPECT_TRUE(is_short) << "after " << spared << " allocations";
  }
}

TEST_F(MemoryPressureTest, IsNotShortWhereNobodyKnows) {
  EXPECT_FALSE(is_short_of_memory(root_));
  EXPECT_FALSE(system_memory_pressure(root_)->wait(1ms));
}

TEST_F(MemoryPressureTest, AsksTheKernelForTheMachineAndTheOwnGroup) {
  available(5);
  write("/proc/pressure/memory", "");
  write("/proc/self/cgroup", "1:name=systemd:/x\n0::/job/step\n");
  write("/sys/fs/cgroup/job/step/memory.pressure", "");
  auto pressure = system_memory_pressure(root_);
  EXPECT_TRUE(read("/proc/pressure/memory").starts_with("some 100000 1000000"));
  EXPECT_TRUE(read("/sys/fs/cgroup/job/step/memory.pressure").starts_with("some 100000 1000000"));
  EXPECT_FALSE(pressure->wait(1ms)) << "these files never fire, and nothing else is looked at";
}

TEST_F(MemoryPressureTest, StopEndsAWaitAndAllToCome) {
  for (const bool told : {false, true}) {
    if (told) write("/proc/pressure/memory", "");
    auto pressure = system_memory_pressure(root_);
    std::thread waiter([&] { EXPECT_FALSE(pressure->wait(std::nullopt)); });
    pressure->stop();
    waiter.join();
    EXPECT_FALSE(pressure->wait(std::nullopt));
  }
}

TEST(MemoryPressure, WorksOnThisMachine) {
  auto pressure = system_memory_pressure();
  ASSERT_NE(pressure, nullptr);
  pressure->wait(1ms);  // the result depends on the machine
  pressure->stop();
  EXPECT_FALSE(pressure->wait(std::nullopt));
}

}  // namespace
}  // namespace scratchfs::base
