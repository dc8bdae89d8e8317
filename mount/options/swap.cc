#include "mount/options/swap.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "fs/base/descriptor.h"
#include "fs/mounts/mount.h"
#include "fs/quota/size.h"

namespace scratchfs::mount {

namespace {

namespace files = std::filesystem;
using Devices = std::vector<files::path>;  // directories in /sys; empty: unknown

std::string first_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// Whether `device`, a directory in /sys, is a dm-crypt device or lies on such devices alone.
bool is_encrypted(const files::path& device) {
  if (first_word(device / "dm/uuid").starts_with("CRYPT-")) return true;
  std::error_code none;
  bool any = false;
  for (const auto& below : files::directory_iterator(device / "slaves", none)) {
    if (!is_encrypted(below.path())) return false;
    any = true;
  }
  return any;
}

bool is_memory(const files::path& device) {
  const std::string backing = first_word(device / "backing_dev");
  return device.filename().string().starts_with("zram") && (backing.empty() || backing == "none");
}

std::string show_uuid(const std::uint8_t (&bytes)[BTRFS_FSID_SIZE]) {
  std::string text = fmt::format("{:02x}", fmt::join(bytes, ""));
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) text.insert(dash, "-");
  return text;
}

// Returns the devices of the btrfs that contains `directory`, the parent of a swap file. The st_dev
// of a btrfs subvolume names no device, and the file system can span several; so this asks btrfs
// for its UUID (BTRFS_IOC_FS_INFO in linux/btrfs.h) and looks up the devices in /sys/fs/btrfs
// (btrfs(5)).
Devices devices_of_btrfs(const std::string& directory, const std::string& root) {
  const base::Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  btrfs_ioctl_fs_info_args info{};
  if (!opened.valid() || ::ioctl(opened.get(), BTRFS_IOC_FS_INFO, &info) != 0) return {};
  Devices devices;
  std::error_code none;
  const std::string all = root + "/sys/fs/btrfs/" + show_uuid(info.fsid) + "/devices";
  for (const auto& device : files::directory_iterator(all, none)) devices.push_back(device.path());
  return devices;
}

// Returns the device of a swap partition, or the devices under a swap file.
Devices devices_of(const std::string& swap, const std::string& type, const std::string& root) {
  if (type == "partition")
    return {root + "/sys/class/block/" + files::path(swap).filename().string()};
  struct stat info {};
  if (::stat((root + swap).c_str(), &info) != 0) return {};
  if (gnu_dev_major(info.st_dev) == 0)
    return devices_of_btrfs(files::path(root + swap).parent_path(), root);
  std::error_code error;
  const files::path device =
      files::canonical(fmt::format("{}/sys/dev/block/{}:{}", root, gnu_dev_major(info.st_dev),
                                   gnu_dev_minor(info.st_dev)),
                       error);
  return error ? Devices{} : Devices{device};
}

bool is_safe(const files::path& device) { return is_encrypted(device) || is_memory(device); }

}  // namespace

std::vector<std::string> plaintext_swap(const std::string& root) {
  std::vector<std::string> found;
  std::ifstream table(root + "/proc/swaps");
  std::string line;
  std::getline(table, line);  // skip the heading
  std::string name;
  std::string type;
  while (table >> name >> type) {
    std::getline(table, line);
    name = mounts::unescape(name);
    const Devices devices = devices_of(name, type, root);
    if (devices.empty() || !std::ranges::all_of(devices, is_safe)) found.push_back(name);
  }
  return found;
}

Outcome<void> lock_all_memory() {
  if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return {};
  const int error = errno;
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return failed("-o lock_memory", error);
  return failed(
      "-o lock_memory: only " + quota::format_size(limit.rlim_cur) +
      " may be locked (ulimit -l, LimitMEMLOCK=); raise that, mount as root, or leave it out");
}

}  // namespace scratchfs::mount
