// What is mounted where, read from /proc/self/mountinfo (proc(5)): it answers even when a mount no
// longer does.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/base/result.h"
#include "fs/mounts/mount_point.h"

namespace scratchfs::mount {

inline constexpr std::string_view kFileSystemType = "fuse.scratchfs";
inline constexpr const char* kMountInfo = "/proc/self/mountinfo";

struct MountEntry {
  int id = 0;
  std::string device;  // this and what follows as in base::MountLine
  std::string mountpoint;
  std::string type;
  std::string source;
  std::optional<uid_t> owner;  // who mounted, where the file system tells (FUSE does)
  std::uint64_t unique = 0;    // as base::MountNumber; the table does not have it

  base::MountNumber number() const { return {.id = id, .unique = unique}; }
};
using MountTable = std::vector<MountEntry>;  // in the order of mounting, as the kernel tells it

MountTable parse_mount_table(std::string_view mountinfo);
// Empty where it cannot be read.
MountTable read_mount_table(const std::string& path = kMountInfo);

// `major:minor` as a number; nothing where it is none.
std::optional<dev_t> parse_device(std::string_view text);

// What one sees at `mountpoint`: the last mount there; nullptr: none.
const MountEntry* topmost_at(const MountTable& table, std::string_view mountpoint);

// `path` absolute and without symbolic links. Asks nothing of what is mounted at the path itself,
// so that it works on a dead mount as well. The errors of realpath(3); the last component need not
// exist.
base::Result<std::string> resolve_mountpoint(const std::string& path);

}  // namespace scratchfs::mount
