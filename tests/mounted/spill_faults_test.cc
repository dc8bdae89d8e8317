// A spill disk that is slow, stuck, full or damaged.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/slow_disk.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

// Writes MiB by MiB. Returns how many were accepted before the first error, which is left in errno.
unsigned fill(const std::string& path, unsigned count) {
  const Fd file(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  for (unsigned i = 0; i < count; ++i) {
    const std::string data = random_bytes(kMiB, i);
    for (std::size_t done = 0; done < data.size();) {
      const ssize_t put = write(file.get(), data.data() + done, data.size() - done);
      if (put <= 0) {
        return i;
      }
      done += static_cast<std::size_t>(put);
    }
  }
  return count;
}

// Opens for reading past the page cache, if the file allows it, so that reads show what the daemon
// has.
Fd open_direct(const std::string& path) {
  return Fd(open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
}

struct Block {
  alignas(4096) char bytes[4096];
};

class SpillFaults : public testing::TestWithParam<Transport> {
 protected:
  explicit SpillFaults(SlowDisk::Cache cache = SlowDisk::Cache::none) : disk_(cache) {}
  void SetUp() override { allow_seconds(120); }
  SlowDisk disk_;
  Mount mount_{"lifetime=mount,memory=16M,spill_dir=" + disk_.path(), GetParam()};
  // Checks a MiB that is certainly not in memory: the file is much larger than the budget, and this
  // is its coldest part.
  void expect_mib(unsigned index) const {
    const Fd file(open((mount_ / "f").c_str(), O_RDONLY | O_CLOEXEC));
    std::string data(kMiB, '\0');
    ASSERT_EQ(pread(file.get(), data.data(), kMiB, static_cast<off_t>(index * kMiB)),
              static_cast<ssize_t>(kMiB))
        << errno_name(errno);
    EXPECT_TRUE(data == random_bytes(kMiB, index)) << "MiB " << index;
  }
  // Checks the first `count` MiB.
  void expect_mibs(unsigned count) const {
    for (unsigned i = 0; i < count; ++i) {
      expect_mib(i);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Both, SpillFaults,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(SpillFaults, ASpillDirectoryOnAFileSystemWithoutTmpfilesWorks) {
  EXPECT_EQ(fill(mount_ / "f", 48), 48U);
  EXPECT_GT(disk_.writes(), 0);
  EXPECT_EQ(disk_.names(), 0) << "a spill file kept its name";
  expect_mibs(48);
}

TEST_P(SpillFaults, AFullDiskIsToldToTheWriterAndTakesNothingBack) {
  mount_.tolerate("spill");
  disk_.fail_writes(ENOSPC);
  const unsigned taken = fill(mount_ / "f", 64);
  EXPECT_EQ(errno_name(errno), "ENOSPC");
  EXPECT_LT(taken, 24U);
  EXPECT_GT(taken, 4U);
  expect_mibs(taken);
  disk_.fail_writes(0);
  EXPECT_TRUE(eventually([&] { return fill(mount_ / "g", 32) == 32; }, 10))
      << "the disk has space again";
  expect_mibs(taken);
}

TEST_P(SpillFaults, ABrokenDiskIsToldToTheWriterAndTakesNothingBack) {
  mount_.tolerate("spill");
  disk_.fail_writes(EIO);
  const unsigned taken = fill(mount_ / "f", 64);
  EXPECT_TRUE(errno == EIO || errno == ENOSPC) << errno_name(errno);
  expect_mibs(taken);
  EXPECT_EQ(unlink((mount_ / "f").c_str()), 0);
  make_file((mount_ / "g").c_str(), "there is room again");
  EXPECT_EQ(bytes_of_file(mount_ / "g"), "there is room again");
}

class SpillThroughThePageCache : public SpillFaults {
 protected:
  SpillThroughThePageCache() : SpillFaults(SlowDisk::Cache::write_back) {}
};
INSTANTIATE_TEST_SUITE_P(Both, SpillThroughThePageCache,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(SpillThroughThePageCache, Works) {
  EXPECT_EQ(fill(mount_ / "f", 48), 48U);
  EXPECT_GT(disk_.writes(), 0);
  expect_mibs(48);
}

// write(2) does not report the error: the daemon must ask for it.
TEST_P(SpillThroughThePageCache, AWriteThatFailsLaterIsToldToTheWriterAndTakesNothingBack) {
  mount_.tolerate("spill");
  disk_.fail_writes(EIO);
  const unsigned taken = fill(mount_ / "f", 64);
  EXPECT_TRUE(errno == EIO || errno == ENOSPC) << errno_name(errno);
  EXPECT_LT(taken, 24U);
  expect_mibs(taken);
}

TEST_P(SpillFaults, AFailedReadIsToldAndPasses) {
  mount_.tolerate("spill");
  ASSERT_EQ(fill(mount_ / "f", 48), 48U);
  disk_.fail_reads(EIO);
  const Fd file = open_direct(mount_ / "f");
  static Block block;
  EXPECT_EQ(pread(file.get(), block.bytes, sizeof(block.bytes), 0), -1);
  EXPECT_EQ(errno_name(errno), "EIO");
  make_file((mount_ / "g").c_str(), "others go on");
  EXPECT_EQ(bytes_of_file(mount_ / "g"), "others go on");
  disk_.fail_reads(0);
  expect_mibs(48);
}

TEST_P(SpillFaults, AFlippedBitGivesAnErrorAndNeverWrongData) {
  mount_.tolerate("spill");
  ASSERT_EQ(fill(mount_ / "f", 48), 48U);
  disk_.flip_a_bit(true);
  const Fd file = open_direct(mount_ / "f");
  static Block block;
  EXPECT_EQ(pread(file.get(), block.bytes, sizeof(block.bytes), 0), -1);
  EXPECT_EQ(errno_name(errno), "EIO");
  disk_.flip_a_bit(false);
  EXPECT_GE(status_of(mount_)["spill"]["blocks_corrupt"], 1);
  make_file((mount_ / "g").c_str(), "others go on");
  EXPECT_EQ(bytes_of_file(mount_ / "g"), "others go on");
  expect_mib(10);
}

TEST_P(SpillFaults, ASlowDiskSlowsWritersAndLosesNothing) {
  disk_.delay_writes(20);
  disk_.delay_reads(5);
  std::vector<Child> writers;
  for (unsigned i = 0; i < 4; ++i) {
    writers.emplace_back(
        Who{}, [&, i](Channel&) { EXPECT_EQ(fill(mount_ / ("f" + std::to_string(i)), 12), 12U); });
  }
  for (Child& writer : writers) {
    writer.join();
  }
  for (unsigned i = 0; i < 4; ++i) {
    const std::string data = bytes_of_file(mount_ / ("f" + std::to_string(i)));
    for (unsigned k = 0; k < 12; ++k) {
      EXPECT_TRUE(data.compare(k * kMiB, kMiB, random_bytes(kMiB, k)) == 0)
          << "file " << i << " MiB " << k;
    }
  }
}

TEST_P(SpillFaults, DeletingWhileTheDiskIsStuckDoesNotWait) {
  ASSERT_EQ(fill(mount_ / "f", 48), 48U);
  disk_.close_gate();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(unlink((mount_ / "f").c_str()), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, patience(2));
  disk_.open_gate();
}

}  // namespace
}  // namespace scratchfs::harness
