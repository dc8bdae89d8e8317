// From what the command line says to what the daemon is made with.
#pragma once

#include "mount/commands.h"
#include "mount/daemon.h"
#include "mount/refusal.h"

namespace scratchfs::mount {

// Checks everything that can be checked before mounting. The setup holds descriptors (the spill
// directory, the lock on the mount point): a process that is to be the daemon calls it after it has
// closed what it inherited.
Outcome<DaemonSetup> prepare(const MountCommand& command);

}  // namespace scratchfs::mount
