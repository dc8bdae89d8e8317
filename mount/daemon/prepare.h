// Prepares a mount: turns the command line into the daemon's setup.
#pragma once

#include "mount/daemon/daemon.h"
#include "mount/daemon/mount_command.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Checks everything that can be checked before mounting. The setup holds open descriptors (the
// spill directory, the mount point and the lock on it), so a process that closes its inherited
// descriptors must do that first.
Outcome<DaemonSetup> prepare(const MountCommand& command);

// Prepares another daemon with the plan of `setup`, which prepare() made: opens and locks the mount
// point again, which is `directory` wherever it is now, opens the spill directory and reads the
// files.
Outcome<void> prepare_again(DaemonSetup& setup, base::Descriptor directory);

}  // namespace scratchfs::mount
