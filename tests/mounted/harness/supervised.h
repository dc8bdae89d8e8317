// Mounts whose daemon is replaced after it dies.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "tests/mounted/harness/mount.h"

namespace scratchfs::harness {

// Returns the pid reported by the daemon itself; Mount::daemon() is the supervisor, in the
// foreground.
pid_t serving_daemon(const Mount& mount);
// Returns whether a scratchfs answers at the path.
bool is_served(const std::string& path);

struct Away {
  bool back = false;                     // a new daemon served within half a minute
  std::chrono::milliseconds lasted{-1};  // from the kill until a file could be created again
};
// Kills the daemon that serves the mount and waits for the next one.
Away kill_and_await_next(const Mount& mount);

}  // namespace scratchfs::harness
