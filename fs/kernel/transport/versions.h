// Describes the transport in human-readable form.
#pragma once

#include <string>

namespace scratchfs::kernel {

// Returns the version of the linked libfuse, such as `3.18.3`.
std::string libfuse_version();

// Returns the transport that a mount with io_uring=auto would use on this machine now: `FUSE over
// io_uring`, or `/dev/fuse (...)` with the reason.
std::string usual_transport();

}  // namespace scratchfs::kernel
