// The place where this session is mounted, told from whatever else is mounted there before or
// after.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"
#include "fs/mounts/mount_point.h"

namespace scratchfs::kernel {

// What tells a mount from others. The kernel gives a free number to the next mount at once, and the
// device as soon as the file system is gone, which a plain umount(2) ends before its daemon knows.
struct MountIdentity {
  int id = -1;               // -1: no mount
  std::string device;        // `major:minor`
  std::string kind = {};     // type and source, as mountinfo has them
  std::uint64_t unique = 0;  // as base::MountNumber; mountinfo does not have it

  base::MountNumber number() const { return {.id = id, .unique = unique}; }
  bool operator==(const MountIdentity&) const = default;
};

class OwnMount {
 public:
  // Nothing is mounted.
  OwnMount() = default;
  // What was just mounted at `path`, an absolute path without symbolic links.
  explicit OwnMount(const std::string& path);
  // What was mounted on the directory that `place` is since `before`, text as read_mount_info()
  // gives it. Nothing where that is no longer there.
  static OwnMount over(const base::Descriptor& place, std::string_view before);

  const MountIdentity& identity() const { return identity_; }
  // The path at which one sees it now; empty: nowhere, or something else is mounted over it. Asks
  // /proc, not the mount.
  std::string path() const;
  bool is_there() const { return !path().empty(); }
  // Takes it out of sight (umount2(2) with MNT_DETACH, fusermount3(1) where that is not allowed) if
  // it is there, and nothing else, also where a directory above is put elsewhere meanwhile. What
  // uses it may go on using it.
  base::Result<void, base::Failure> detach();

 private:
  MountIdentity identity_;
};

// What follows looks things up in such text as base::read_mount_info() gives.

// The last mount at `path`.
MountIdentity topmost_mount(std::string_view mountinfo, std::string_view path);
// Where that mount is seen; empty: it is not there, or something is mounted over it.
std::string path_of_mount(std::string_view mountinfo, const MountIdentity& mount);
// The last mount at `path` that was not in `before`; no mount: there is none.
MountIdentity mount_since(std::string_view before, std::string_view mountinfo,
                          std::string_view path);

}  // namespace scratchfs::kernel
