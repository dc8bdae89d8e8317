// The place where this session is mounted, told from whatever else is mounted there before or
// after.
#pragma once

#include <string>
#include <string_view>

#include "fs/base/result.h"

namespace scratchfs::kernel {

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
  int id_ = -1;  // of the mount, never used again by the kernel while it exists
};

// The number of the last mount at `path` in text of the form of /proc/self/mountinfo (proc(5));
// -1: nothing is mounted there.
int topmost_mount(std::string_view mountinfo, std::string_view path);

}  // namespace scratchfs::kernel
