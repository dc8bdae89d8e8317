// What the daemon does to itself before it holds a key or anybody's data.
#pragma once

namespace scratchfs::mount {

// Never fails as a whole: what is not allowed here is left as it is, with a line at debug level.
// No core dump and no ptrace by equals (prctl(2) PR_SET_DUMPABLE, RLIMIT_CORE); as many descriptors
// and as large files as allowed; umask 0, since modes are the tree's business. As root also: not
// throttled for the memory that it frees itself (PR_SET_IO_FLUSHER), and the last to be killed when
// memory runs out.
void harden();

}  // namespace scratchfs::mount
