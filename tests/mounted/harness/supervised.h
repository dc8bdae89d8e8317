// Mounts whose daemon is followed by another.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "tests/mounted/harness/mount.h"

namespace scratchfs::harness {

// What the daemon itself says; Mount::daemon() is its supervisor, in the foreground.
pid_t serving_daemon(const Mount& mount);
// Whether a scratchfs answers there.
bool is_served(const std::string& path);

struct Away {
  bool back = false;                     // within half a minute
  std::chrono::milliseconds lasted{-1};  // from the kill until a file could be created again
};
// Kills the daemon that serves the mount, and waits for the next one.
Away kill_and_await_next(const Mount& mount);

}  // namespace scratchfs::harness
