// Mounts as the kernel lists them in /proc/self/mountinfo (proc(5)), which answers even when a
// mount no longer does.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scratchfs::mounts {

inline constexpr std::string_view kFileSystemType = "fuse.scratchfs";
inline constexpr const char* kMountInfo = "/proc/self/mountinfo";

// Identifies a mount.
struct MountId {
  int number =
      -1;  // mountinfo's, which the kernel gives to another mount once it is free; -1: no mount
  std::uint64_t unique = 0;  // never given to another mount (statx(2), Linux 6.8); 0: not known

  // False: certainly another mount.
  bool can_be(const MountId& other) const {
    return number == other.number && (unique == 0 || other.unique == 0 || unique == other.unique);
  }
  bool operator==(const MountId&) const = default;
};

// A line of mountinfo.
struct Mount {
  MountId id;          // without `unique`, which mountinfo does not list
  std::string device;  // `major:minor`, as st_dev; the minor of a FUSE mount names its connection
  std::string root;    // the directory of the file system that is seen at `path`
  std::string path;    // absolute, as seen from this process's root
  std::string type;    // with the subtype: `fuse.scratchfs`
  std::string source;
  std::string options;  // of the file system: `rw,user_id=1000,...`

  // True unless the two are certainly different mounts. The kernel gives a free number to the next
  // mount at once, and a free device as soon as the file system is gone, so both, the type and the
  // source are compared.
  bool can_be(const Mount& other) const;
  // The user who mounted it, where the file system says so (FUSE does).
  std::optional<uid_t> owner() const;
  bool operator==(const Mount&) const = default;
};

using MountTable = std::vector<Mount>;  // in the order of mounting

// Lines that are not well-formed are left out.
MountTable parse_mount_table(std::string_view mountinfo);
// Empty where `path` cannot be read. Throws bad_alloc, also where it is the kernel that lacks
// memory: a table that cannot be read for that reason must not be taken for an empty one.
MountTable read_mount_table(const std::string& path = kMountInfo);

// A device as st_dev holds it, from `major:minor`; nullopt for any other text.
std::optional<dev_t> parse_device(std::string_view text);

// What is seen at `path`: the last mount there; nullptr: none.
const Mount* topmost_at(const MountTable& table, std::string_view path);
// The entry of `mount`; nullptr: it is not mounted any more.
const Mount* find(const MountTable& table, const Mount& mount);
// The entry of `mount` if nothing is mounted over it; else nullptr.
const Mount* find_visible(const MountTable& table, const Mount& mount);
// The last mount at `path` that was not in `before`; nullptr: none.
const Mount* newest_at(const MountTable& table, const MountTable& before, std::string_view path);

// Undoes the kernel's escapes: /proc writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text);

}  // namespace scratchfs::mounts
