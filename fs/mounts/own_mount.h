// The mount that this process made, told from whatever else is mounted at the same place before or
// after.
#pragma once

#include <string>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"
#include "fs/mounts/mount.h"
#include "fs/mounts/unmounting.h"

namespace scratchfs::mounts {

class OwnMount {
 public:
  // Nothing is mounted.
  OwnMount() = default;
  // What was just mounted at `path`, an absolute path without symbolic links.
  explicit OwnMount(const std::string& path);
  // What was mounted on the directory `place` since `before` was read. Nothing where that has gone
  // already.
  static OwnMount over(const base::Descriptor& place, const MountTable& before);

  const Mount& mount() const { return mount_; }
  // Whether it is seen anywhere (path_of).
  bool is_there() const { return !path_of(mount_).empty(); }
  // Takes it out of sight if it is there, and nothing else; programs that use it may go on.
  base::Result<void, base::Failure> detach();

 private:
  Mount mount_;
};

}  // namespace scratchfs::mounts
