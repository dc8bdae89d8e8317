#include "mount/swap.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "fs/limits/size.h"

namespace scratchfs::mount {

namespace {

namespace files = std::filesystem;

std::string first_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// `device`: its directory in /sys. A stack of devices is as good as what all of it lies on.
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

// The directory in /sys of a swap partition, or of what a swap file lies on; empty: not known.
files::path device_of(const std::string& swap, const std::string& type, const std::string& root) {
  std::error_code none;
  if (type == "partition")
    return root + "/sys/class/block/" + files::path(swap).filename().string();
  struct stat info {};
  if (::stat((root + swap).c_str(), &info) != 0) return {};
  const std::string number =
      std::to_string(gnu_dev_major(info.st_dev)) + ":" + std::to_string(gnu_dev_minor(info.st_dev));
  return files::canonical(root + "/sys/dev/block/" + number, none);
}

}  // namespace

std::vector<std::string> plaintext_swap(const std::string& root) {
  std::vector<std::string> found;
  std::ifstream table(root + "/proc/swaps");
  std::string line;
  std::getline(table, line);  // the heading
  std::string name;
  std::string type;
  while (table >> name >> type) {
    std::getline(table, line);
    const files::path device = device_of(name, type, root);
    if (device.empty() || (!is_encrypted(device) && !is_memory(device))) found.push_back(name);
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
      "-o lock_memory: only " + limits::format_size(limit.rlim_cur) +
      " may be locked (ulimit -l, LimitMEMLOCK=); raise that, mount as root, or leave it out");
}

}  // namespace scratchfs::mount
