// From what the command line says to what the daemon is made with.
#pragma once

#include "mount/daemon/daemon.h"
#include "mount/daemon/mount_command.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Checks everything that can be checked before mounting. The setup holds descriptors (the spill
// directory, the mount point and the lock on it): a process that is to be the daemon calls it after
// it has closed what it inherited. `place`: the directory to mount on, whatever the command's path
// leads to by now; not valid: what it leads to.
Outcome<DaemonSetup> prepare(const MountCommand& command,
                             base::Descriptor place = base::Descriptor(-1));

}  // namespace scratchfs::mount
