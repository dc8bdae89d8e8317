#include "mount/options/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/units.h"

namespace scratchfs::mount {
namespace {

class MachineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "machine-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    put("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1 kB\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  Machine machine() const { return this_machine(root_); }

  std::filesystem::path root_;
};

TEST_F(MachineTest, HasTheMemoryThatTheKernelTells) {
  EXPECT_EQ(machine().memory, 16 * kGiB);
  EXPECT_FALSE(machine().limited_by_cgroup);
}

TEST_F(MachineTest, TakesTheLeastLimitOfAGroupAndThoseAboveIt) {
  put("proc/self/cgroup", "0::/user.slice/job\n");
  put("sys/fs/cgroup/user.slice/job/memory.max", "max\n");
  put("sys/fs/cgroup/user.slice/memory.max", "2147483648\n");
  EXPECT_EQ(machine().memory, 2 * kGiB);
  EXPECT_TRUE(machine().limited_by_cgroup);
}

TEST_F(MachineTest, FindsTheLimitOfAContainerThatSeesOnlyItsOwnGroup) {
  put("proc/self/cgroup", "0::/../../docker/abc\n");
  put("sys/fs/cgroup/memory.max", "1073741824\n");
  EXPECT_EQ(machine().memory, kGiB);
}

TEST_F(MachineTest, ReadsTheOlderHierarchyToo) {
  put("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n");
  put("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "3221225472\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(machine().memory, 3 * kGiB);
}

TEST_F(MachineTest, IgnoresLimitsAboveItsMemory) {
  put("proc/self/cgroup", "0::/a\n");
  put("sys/fs/cgroup/a/memory.max", "99999999999999\n");
  EXPECT_EQ(machine().memory, 16 * kGiB);
  EXPECT_FALSE(machine().limited_by_cgroup);
}

TEST(Machine, IsThisOne) { EXPECT_GT(this_machine().memory, 0U); }

}  // namespace
}  // namespace scratchfs::mount
