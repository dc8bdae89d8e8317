// `-o supervise`: a process that is the daemon's parent and its guardian at once. When the daemon
// dies, it detaches the mount, which fails what is open there, and starts another daemon at the
// same place.
#pragma once

#include "mount/daemon/daemon.h"
#include "mount/daemon/mount_command.h"

namespace scratchfs::mount {

// As run_daemon(), which it calls in processes that it forks; returns when a daemon has ended as it
// should, or when there will be no more. Each daemon gets what the first one was mounted with:
// sizes in bytes as they came out then; of the quota file, what it says when it starts. What was
// changed while mounted is not known here, and gone.
// SIGTERM, SIGINT and SIGHUP are passed on; after the first two no daemon is started any more.
// `command` is what `setup` was made of; what that holds open is closed.
int supervise(const MountCommand& command, DaemonSetup& setup, const Ready& ready);

}  // namespace scratchfs::mount
