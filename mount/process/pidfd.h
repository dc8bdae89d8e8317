// pidfd_open(2) and pidfd_send_signal(2), which glibc 2.36 declares without C linkage for C++.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace scratchfs::mount {

// Returns a close-on-exec descriptor that is readable once the process has ended; -1 and errno if
// that fails.
inline int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

inline int send_signal(int pidfd, int signal) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

}  // namespace scratchfs::mount
