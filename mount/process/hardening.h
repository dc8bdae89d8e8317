// Process-wide settings of the daemon, made before it holds a key or any user's data.
#pragma once

namespace scratchfs::mount {

// Applies the settings below. Never fails as a whole: a setting that is not permitted is skipped
// and logged at debug level.
//  - No core dumps, and no ptrace(2) by processes of the same user (PR_SET_DUMPABLE, RLIMIT_CORE).
//  - RLIMIT_NOFILE and RLIMIT_FSIZE raised to their hard limits.
//  - umask 0, because the tree decides the modes of new files.
//  - As root: PR_SET_IO_FLUSHER, so that the kernel does not throttle the daemon while it spills to
//    free memory; and an OOM score that makes the daemon one of the last processes to be killed.
void harden();

}  // namespace scratchfs::mount
