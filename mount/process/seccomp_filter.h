// A filter of system calls (seccomp(2)) for the daemon of root's mount.
#pragma once

#include "fs/base/result.h"

namespace scratchfs::mount {

// Whether this is a build with a sanitizer: the filter then also allows what that needs, to start
// programs and to trace itself.
#if defined(SCRATCHFS_SANITIZE_ADDRESS) || defined(SCRATCHFS_SANITIZE_THREAD)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// From here on every thread of this process, those yet to come included, may make only the calls
// that serving a mount and its end take: files, memory, threads, waiting, local sockets, umount2.
// No other program is started, no process, no memory that can be executed, no mount, no namespace,
// no tracing, no signal to others, no connection to another machine. All other calls, those that
// this list does not know included, fail with ENOSYS, upon which glibc tries an older one where
// there is one, and the kernel's log tells of them (audit, type 1326), of clone3 not.
//
// For good, and needs no_new_privs (prctl(2)) or CAP_SYS_ADMIN. The failure is that of
// seccomp_load(3), and leaves everything allowed but clone3.
base::Result<void> filter_system_calls();

}  // namespace scratchfs::mount
