// Prepares a mount: turns the command line into the daemon's setup.
#pragma once

#include "mount/daemon/daemon.h"
#include "mount/daemon/mount_command.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Checks everything that can be checked before mounting. The setup holds open descriptors (the
// spill directory, the mount point and the lock on it), so a process that closes its inherited
// descriptors must do that first. `place` is the directory to mount on, if valid, even if the
// command's path now leads elsewhere.
Outcome<DaemonSetup> prepare(const MountCommand& command,
                             base::Descriptor place = base::Descriptor(-1));

}  // namespace scratchfs::mount
