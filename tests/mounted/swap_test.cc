// Detection of encrypted swap files on file systems whose st_dev is not a block device's.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "mount/options/swap.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/loop_disk.h"

namespace scratchfs::harness {
namespace {

namespace files = std::filesystem;
using Names = std::vector<std::string>;

void write_file(const files::path& path, const std::string& text) {
  files::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::string uuid_of(const std::string& image) {
  const std::string said = run({"blkid", "-o", "value", "-s", "UUID", image}).out;
  return said.substr(0, said.find('\n'));
}

TEST(Swap, InASubvolumeOfBtrfsIsAsEncryptedAsItsDevices) {
  if (shell("modprobe btrfs 2>/dev/null; grep -qw btrfs /proc/filesystems").code != 0)
    GTEST_SKIP() << "this kernel has no btrfs";
  const LoopDisk disk(128, LoopDisk::Type::btrfs);
  ASSERT_EQ(run({"btrfs", "subvolume", "create", disk.path() + "/swap"}).code, 0);
  write_file(disk.path() + "/swap/file", "");
  // A fake machine that swaps to this file; its disk and devices are the real ones.
  const files::path root = make_directory("machine");
  write_file(root / "proc/swaps",
             "Filename Type Size Used Priority\n/disk/swap/file file 1 0 -2\n");
  files::create_symlink(disk.path(), root / "disk");
  files::create_symlink("/sys", root / "sys");
  EXPECT_EQ(mount::plaintext_swap(root), Names{"/disk/swap/file"});
  // The same machine with encrypted devices.
  files::remove(root / "sys");
  const std::string devices = "/sys/fs/btrfs/" + uuid_of(disk.image()) + "/devices";
  for (const auto& device : files::directory_iterator(devices))
    write_file(root.string() + device.path().string() + "/dm/uuid", "CRYPT-LUKS2-abc\n");
  EXPECT_EQ(mount::plaintext_swap(root), Names{});
}

}  // namespace
}  // namespace scratchfs::harness
