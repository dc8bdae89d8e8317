// The place where this session is mounted, told from whatever else is mounted there before or
// after.
#pragma once

#include <string>
#include <string_view>

#include "fs/base/result.h"

namespace scratchfs::kernel {

// What tells a mount from others. The kernel gives a free number to the next mount at once; the
// device is its own for as long as the file system exists, which is as long as its daemon serves
// it.
struct MountIdentity {
  int id = -1;         // -1: no mount
  std::string device;  // `major:minor`
  bool operator==(const MountIdentity&) const = default;
};

class OwnMount {
 public:
  // Nothing is mounted.
  OwnMount() = default;
  // What was just mounted at `path`, an absolute path without symbolic links.
  explicit OwnMount(std::string path);

  const std::string& path() const { return path_; }
  // Whether it is still what one sees at the path. Asks /proc/self/mountinfo, not the mount.
  bool is_there() const;
  // Takes it out of sight (umount2(2) with MNT_DETACH, fusermount3(1) where that is not allowed) if
  // it is there, and only then. What uses it may go on using it.
  base::Result<void, base::Failure> detach();

 private:
  std::string path_;
  MountIdentity identity_;
};

// The last mount at `path` in text of the form of /proc/self/mountinfo (proc(5)).
MountIdentity topmost_mount(std::string_view mountinfo, std::string_view path);

}  // namespace scratchfs::kernel
