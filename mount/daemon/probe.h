// Probes whether a mount serves requests. Run it in another process than the daemon: a daemon that
// waits for an answer of its own could not end.
#pragma once

#include <string>

#include "fs/mounts/mount_point.h"

namespace scratchfs::mount {

// Sends the mount one request from each core that this process may run on, since with io_uring each
// core has its own queue. Uses statfs(2), which is never answered from a cache. Blocks while the
// daemon does not answer; returns false if the daemon is gone. A mount that is no longer visible
// there (after a lazy unmount) cannot be asked, and counts as answering. The calling thread may end
// up on another core.
bool answers_everywhere(const std::string& mountpoint, const mounts::MountId& mount);

}  // namespace scratchfs::mount
