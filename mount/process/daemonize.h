// The command that mounts and the daemon behind it: in the foreground they are one process, else
// two.
#pragma once

#include <sys/types.h>
#include <functional>

namespace scratchfs::mount {

// The daemon calls it once, when the mount answers. False: nobody waits for it any more (the
// command was interrupted), so the daemon should unmount and end.
using Ready = std::function<bool()>;

// Serves until the end; returns the exit code. Writes what went wrong to stderr.
using Daemon = std::function<int(const Ready&)>;

// In the foreground, calls `daemon` and returns its exit code. Else forks: the child becomes a
// daemon(7) (a session of its own, working directory /, after `ready` its standard streams at
// /dev/null), runs it and exits with its code; the parent waits for `ready` (0) or for the daemon's
// end (its exit code, never 0). Call it before there is any thread.
int launch(bool foreground, const Daemon& daemon);

struct Launched {
  int exit_code = 0;  // not kFine: it failed and has ended, and a line on stderr says why
  pid_t pid = -1;     // of the daemon, a child of the caller
};
enum class Descriptors : bool { keep, close_all };  // those that it inherits, but the standard ones
// The background half of launch(): returns once the mount answers, or the daemon has ended.
Launched launch_in_background(const Daemon& daemon, Descriptors inherited);

// Closes every descriptor but the standard streams, so that a daemon holds no lock or pipe of the
// shell it was started from. Opens /dev/null in place of a standard stream that is closed.
void close_inherited_descriptors();

}  // namespace scratchfs::mount
