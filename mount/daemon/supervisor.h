// The supervisor (`-o supervise`): a process that is the daemon's parent and its guardian. When the
// daemon dies, it detaches the mount, so that handles that are still open fail, and starts another
// daemon at the same place.
#pragma once

#include "mount/daemon/daemon.h"

namespace scratchfs::mount {

// Like run_daemon(), but runs each daemon in a child process. Returns the exit code when a daemon
// has ended in an orderly way or no other will be started. Every daemon follows the plan of the
// first, and reads the files of quotas and subordinate ids anew; changes made while mounted are
// lost. Forwards SIGTERM, SIGINT and SIGHUP; after one of the first two starts no more daemons.
// Closes the open descriptors of `setup`.
int supervise(DaemonSetup& setup, const ReportReady& ready);

}  // namespace scratchfs::mount
