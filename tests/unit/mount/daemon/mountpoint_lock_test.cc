#include "mount/daemon/mountpoint_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <utility>

namespace scratchfs::mount {
namespace {

class MountpointLockTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / "lock-XXXXXX";
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  base::Descriptor directory() const { return named(directory_); }
  static base::Descriptor named(const std::string& path) {
    return base::Descriptor(::open(path.c_str(), O_PATH | O_CLOEXEC));
  }
  std::string directory_;
};

TEST_F(MountpointLockTest, TheSecondWaitsUntilTheFirstLetsGo) {
  MountpointLock first(directory());
  ASSERT_TRUE(first.is_held());
  std::promise<void> released;
  auto second = std::async(std::launch::async, [&] {
    const MountpointLock lock(directory());
    // The promise is fulfilled just before the first lock is released.
    const bool in_turn =
        released.get_future().wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    return lock.is_held() && in_turn;
  });
  released.set_value();
  first.release();
  EXPECT_TRUE(second.get());
}

TEST_F(MountpointLockTest, GivesUpOnOneWhoNeverLetsGo) {
  const MountpointLock first(directory());
  const MountpointLock second(directory());
  EXPECT_FALSE(second.is_held());
}

TEST_F(MountpointLockTest, MovesWithItsHolder) {
  MountpointLock first(directory());
  MountpointLock other = std::move(first);
  EXPECT_TRUE(other.is_held());
  other = MountpointLock();
  EXPECT_FALSE(other.is_held());
  EXPECT_TRUE(MountpointLock(directory()).is_held());
}

TEST_F(MountpointLockTest, HoldsNothingWhereThereIsNoDirectory) {
  EXPECT_FALSE(MountpointLock(named(directory_ + "/missing")).is_held());
}

}  // namespace
}  // namespace scratchfs::mount
