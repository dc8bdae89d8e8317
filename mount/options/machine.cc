#include "mount/options/machine.h"

#include <algorithm>
#include <fstream>
#include <limits>

namespace scratchfs::mount {

namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

std::uint64_t ram_bytes(const std::string& root) {
  std::ifstream file(root + "/proc/meminfo");
  std::string word;
  while (file >> word) {
    std::uint64_t kibibytes = 0;
    if (word == "MemTotal:" && file >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

// Reads a number from a file; kUnlimited if the file is absent or contains `max`.
std::uint64_t read_limit(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t bytes = 0;
  return file >> bytes ? bytes : kUnlimited;
}

// Returns the lowest limit of a cgroup and its ancestors. In a container the cgroup's own path may
// not exist in the mounted hierarchy; then the ancestors that do exist decide.
std::uint64_t least_limit(const std::string& hierarchy, std::string group, const char* file) {
  std::uint64_t least = kUnlimited;
  for (;;) {
    least = std::min(least, read_limit(hierarchy + group + "/" + file));
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos) return least;
    group.resize(slash);
  }
}

bool lists_memory(const std::string& controllers) {
  return ("," + controllers + ",").find(",memory,") != std::string::npos;
}

// Returns the memory limit of this process's cgroups. In /proc/self/cgroup (cgroups(7)), `0::/path`
// is a version 2 cgroup and `4:memory:/path` a version 1 cgroup.
std::uint64_t cgroup_limit(const std::string& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::uint64_t least = kUnlimited;
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    if (controllers.empty()) {
      least = std::min(least, least_limit(root + "/sys/fs/cgroup", group, "memory.max"));
    } else if (lists_memory(controllers)) {
      least = std::min(least,
                       least_limit(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
  }
  return least;
}

}  // namespace

Machine this_machine(const std::string& root) {
  const std::uint64_t ram = ram_bytes(root);
  const std::uint64_t limit = cgroup_limit(root);
  return Machine{std::min(ram, limit), limit < ram, ram};
}

}  // namespace scratchfs::mount
