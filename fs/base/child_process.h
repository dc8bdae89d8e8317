// Waiting for child processes.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>

#include <cerrno>

#include "fs/base/result.h"

namespace scratchfs::base {

// Waits until `child` ends, and retries when a signal interrupts the wait. Returns the status, or
// the error, of waitpid(2).
inline Result<int> wait_for_end(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Errno(errno);
  }
  return status;
}

}  // namespace scratchfs::base
