#include "mount/options/swap.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <string>
#include <vector>

#include "tests/unit/base/machine_root.h"

namespace scratchfs::mount {
namespace {

using Names = std::vector<std::string>;

class SwapTest : public MachineRootTest {
 protected:
  void swaps(const std::string& lines) const {
    write("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" + lines);
  }
};

TEST_F(SwapTest, IsOffWhereNothingIsListed) {
  EXPECT_EQ(plaintext_swap(root_), Names{});
  swaps("");
  EXPECT_EQ(plaintext_swap(root_), Names{});
}

TEST_F(SwapTest, IsPlaintextOnAPartition) {
  swaps("/dev/sda2                               partition\t1000\t0\t-2\n");
  write("/sys/class/block/sda2/size", "1000\n");
  EXPECT_EQ(plaintext_swap(root_), Names{"/dev/sda2"});
}

TEST_F(SwapTest, IsFineWhereEncryptedAtAnyDepth) {
  swaps("/dev/dm-1  partition\t1000\t0\t-2\n/dev/dm-2 partition 1 0 -3\n");
  write("/sys/class/block/dm-1/dm/uuid", "LVM-abc\n");
  write("/sys/class/block/dm-1/slaves/dm-0/dm/uuid", "CRYPT-LUKS2-abc\n");
  write("/sys/class/block/dm-2/dm/uuid", "CRYPT-PLAIN-swap\n");
  EXPECT_EQ(plaintext_swap(root_), Names{});
  write("/sys/class/block/dm-1/slaves/sdb1/size", "1\n");
  EXPECT_EQ(plaintext_swap(root_), Names{"/dev/dm-1"}) << "one part of it is not";
}

TEST_F(SwapTest, IsFineInMemoryUnlessThatGoesToADiskItself) {
  swaps("/dev/zram0                              partition\t1000\t0\t100\n");
  write("/sys/class/block/zram0/backing_dev", "none\n");
  EXPECT_EQ(plaintext_swap(root_), Names{});
  write("/sys/class/block/zram0/backing_dev", "/dev/sda3\n");
  EXPECT_EQ(plaintext_swap(root_), Names{"/dev/zram0"});
}

TEST_F(SwapTest, HasANameThatIsWrittenInOctalWhereItMust) {
  swaps("/swap\\040file\\134 file\t1000\t0\t-2\n");
  EXPECT_EQ(plaintext_swap(root_), Names{"/swap file\\"});
}

TEST_F(SwapTest, IsWhatAFileLiesOn) {
  swaps("/swapfile file\t1000\t0\t-2\n/gone file 1 0 -3\n");
  write("/swapfile", "");
  struct stat info {};
  ASSERT_EQ(stat((root_ + "/swapfile").c_str(), &info), 0);
  const std::string number =
      std::to_string(gnu_dev_major(info.st_dev)) + ":" + std::to_string(gnu_dev_minor(info.st_dev));
  EXPECT_EQ(plaintext_swap(root_), (Names{"/swapfile", "/gone"}));
  write("/sys/dev/block/" + number + "/dm/uuid", "CRYPT-LUKS2-abc\n");
  EXPECT_EQ(plaintext_swap(root_), Names{"/gone"});
}

}  // namespace
}  // namespace scratchfs::mount
