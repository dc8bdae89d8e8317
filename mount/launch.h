// The command that mounts and the daemon behind it: in the foreground they are one process, else
// two.
#pragma once

#include <functional>

namespace scratchfs::mount {

// The daemon calls it once, when the mount answers. False: nobody waits for it any more (the
// command was interrupted), so the daemon should unmount and end.
using Ready = std::function<bool()>;

// Serves until the end; returns the exit code. Writes what went wrong to stderr.
using Daemon = std::function<int(const Ready&)>;

// In the foreground, calls `daemon` and returns its exit code. Else forks: the child becomes a
// daemon(7) (a session of its own, working directory /, after `ready` its standard streams at
// /dev/null) and runs it; the parent waits for `ready` (0) or for the daemon's end (its exit code,
// never 0). Call it before there is any thread.
int launch(bool foreground, const Daemon& daemon);

// Closes every descriptor but the standard streams, so that a daemon holds no lock or pipe of the
// shell it was started from. Opens /dev/null in place of a standard stream that is closed.
void close_inherited_descriptors();

}  // namespace scratchfs::mount
