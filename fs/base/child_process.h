// Child processes: the channels to them, and waiting for their end.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"

namespace scratchfs::base {

using Ends = std::array<Descriptor, 2>;

// Makes two connected sockets of a type such as SOCK_STREAM (socketpair(2)), closed on exec.
inline Result<Ends> socket_pair(int type) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) return Errno(errno);
  return Ends{Descriptor(ends[0]), Descriptor(ends[1])};
}

// Makes a pipe (pipe2(2)), closed on exec: the end to read from, and the end to write to.
inline Result<Ends> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Errno(errno);
  return Ends{Descriptor(ends[0]), Descriptor(ends[1])};
}

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
