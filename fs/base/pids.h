// Process ids: pidfds, and the namespace that an id belongs to.
#pragma once

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>

namespace scratchfs::base {

// Returns a close-on-exec descriptor that is readable once the process has ended; -1 and errno if
// that fails. (glibc 2.36 declares pidfd_open(2) without C linkage for C++.)
inline int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

// Returns the inode number of this process's pid namespace; 0 if /proc does not tell.
inline std::uint64_t own_pid_namespace() {
  struct stat status {};
  return ::stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

}  // namespace scratchfs::base
