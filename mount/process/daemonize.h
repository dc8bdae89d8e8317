// Starts the daemon of a mount: in the foreground the command itself becomes the daemon, otherwise
// it forks and waits until the mount answers.
#pragma once

#include <sys/types.h>
#include <functional>

namespace scratchfs::mount {

// The daemon calls this once, when the mount answers. Returns false if the command no longer waits
// (it was interrupted): the daemon should then unmount and end.
using ReportReady = std::function<bool()>;

// Serves the mount until it ends and returns the exit code. Reports errors on stderr.
using Daemon = std::function<int(const ReportReady&)>;

// In the foreground, calls `daemon` and returns its exit code. Otherwise forks: the child becomes a
// daemon(7) (new session, working directory /, standard streams redirected to /dev/null after
// `ready`), runs `daemon` and exits with its code. The parent returns 0 once the child has called
// `ready`, or the child's exit code (never 0) if it ends before that.
// REQUIRES: the process has no other threads.
int launch(bool foreground, const Daemon& daemon);

struct Launched {
  // Other than kFine if the daemon failed: it has ended, and the reason is on stderr.
  int exit_code = 0;
  pid_t pid = -1;  // the daemon, a child of the caller
};
// What the daemon does with the descriptors it inherits, other than the standard streams.
enum class Descriptors : bool { keep, close_all };
// The background half of launch(): returns once the mount answers or the daemon has ended.
Launched launch_in_background(const Daemon& daemon, Descriptors inherited);

// Closes every descriptor except the standard streams, so that the daemon does not keep locks or
// pipes of the shell that started it. Opens /dev/null for each standard stream that is closed.
void close_inherited_descriptors();

}  // namespace scratchfs::mount
