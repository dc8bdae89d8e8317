// The seccomp(2) filter for the daemon of a root mount.
#pragma once

#include "fs/base/result.h"

namespace scratchfs::mount {

// Whether this build has a sanitizer. The filter then also allows what the sanitizer needs to start
// programs and to trace its own process.
#if defined(SCRATCHFS_SANITIZE_ADDRESS) || defined(SCRATCHFS_SANITIZE_THREAD)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// Restricts every thread of this process, present and future, to the system calls that serving and
// unmounting need: files, memory, threads, waiting, local sockets, umount2(2). Not allowed are
// starting programs or processes, anonymous executable memory, mounts, namespaces, tracing, signals
// to other processes, and network connections.
//
// All other calls, including those that the filter does not know, fail with ENOSYS, so that glibc
// falls back to an older call where there is one. The kernel logs them (audit type 1326), except
// clone3.
//
// The filter cannot be removed. REQUIRES: no_new_privs (prctl(2)) or CAP_SYS_ADMIN. Returns the
// error of seccomp_load(3), after which everything except clone3 is still allowed.
base::Result<void> filter_system_calls();

}  // namespace scratchfs::mount
