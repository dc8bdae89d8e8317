// The end of a child.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>

#include <cerrno>

#include "fs/base/result.h"

namespace scratchfs::base {

// Waits until it has ended, whatever signals come meanwhile. Its status, and the errors, are those
// of waitpid(2).
inline Result<int> wait_for_end(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Errno(errno);
  }
  return status;
}

}  // namespace scratchfs::base
