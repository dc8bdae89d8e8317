// Spilling to a disk that keeps names for open files (NFS, sshfs): the names are removed with the
// daemon or by the next one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/name_keeping_disk.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

class SpillNames : public testing::TestWithParam<Transport> {
 protected:
  // Daemonized, as usual: mounting has finished when the command returns.
  MountSettings settings() const {
    return {.options = "lifetime=mount,memory=16M,spill=1G,spill_dir=" + disk_.path(),
            .transport = GetParam(),
            .daemonize = true};
  }
  static void spill_and_read_back(const Mount& mount) {
    constexpr std::size_t kSize = 48 << 20;
    const std::string data = random_bytes(kSize, 1);
    const Fd file(open((mount / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(write(file.get(), data.data(), kSize), static_cast<ssize_t>(kSize));
    std::string back(kSize, '\0');
    ASSERT_EQ(pread(file.get(), back.data(), kSize, 0), static_cast<ssize_t>(kSize));
    EXPECT_TRUE(back == data);
    EXPECT_GT(status_of(mount)["spill"]["used"], 0);
  }
  bool holds_hidden_files() const {
    return std::ranges::any_of(
        disk_.names(), [](const std::string& name) { return name.starts_with(".fuse_hidden"); });
  }
  bool is_empty_soon() const {
    return eventually([this] { return disk_.names().empty(); }, 10);
  }

  const NameKeepingDisk disk_;
};
INSTANTIATE_TEST_SUITE_P(Both, SpillNames,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName());

TEST_P(SpillNames, AnUnmountLeavesNone) {
  {
    const Mount mount(settings());
    spill_and_read_back(mount);
    EXPECT_TRUE(holds_hidden_files()) << "so nothing is shown here";
  }
  EXPECT_TRUE(is_empty_soon()) << testing::PrintToString(disk_.names());
}

TEST_P(SpillNames, TheNextMountRemovesWhatAKilledOneLeft) {
  {
    Mount mount(settings());
    spill_and_read_back(mount);
    kill(mount.daemon(), SIGKILL);
    mount.expect_gone();
  }
  ASSERT_FALSE(disk_.names().empty()) << "so nothing is shown here";
  const auto left = disk_.names();
  {
    const Mount next(settings());
    const auto now = disk_.names();
    for (const std::string& name : left) {
      if (!name.starts_with(".scratchfs-")) continue;
      EXPECT_EQ(std::ranges::count(now, name), 0) << name;
    }
  }
  EXPECT_TRUE(is_empty_soon()) << testing::PrintToString(disk_.names());
}

}  // namespace
}  // namespace scratchfs::harness
