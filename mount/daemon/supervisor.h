// The supervisor (`-o supervise`): a process that is the daemon's parent and its guardian. When the
// daemon dies, it detaches the mount, so that handles that are still open fail, and starts another
// daemon at the same place.
#pragma once

#include "mount/daemon/daemon.h"
#include "mount/daemon/mount_command.h"

namespace scratchfs::mount {

// Like run_daemon(), but runs each daemon in a child process. Returns the exit code when a daemon
// has ended in an orderly way or no other will be started. Every daemon gets the options of the
// first, with the sizes in bytes as they were computed for it, and reads the quota file anew.
// Changes made while mounted are lost. Forwards SIGTERM, SIGINT and SIGHUP; after one of the first
// two starts no more daemons. `setup` was made from `command`; its open descriptors are closed.
int supervise(const MountCommand& command, DaemonSetup& setup, const Ready& ready);

}  // namespace scratchfs::mount
