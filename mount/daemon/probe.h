// Whether a mount's requests are really served, seen from another process than its daemon's: one
// that waits for an answer itself would keep the daemon from ending.
#pragma once

#include <string>

#include "fs/mounts/mount_point.h"

namespace scratchfs::mount {

// Asks the mount once from each core that this process may run on, since over io_uring each has a
// queue of its own (statfs(2) is never answered from a cache). Waits as long as the daemon lets it
// wait; false: the daemon is gone. What is no longer to be seen there (a lazy unmount) cannot be
// asked, and counts as an answer. On another core afterwards, perhaps.
bool answers_everywhere(const std::string& mountpoint, const mounts::MountId& mount);

}  // namespace scratchfs::mount
