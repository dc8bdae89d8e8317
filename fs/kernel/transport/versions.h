// What the transport is made of, for people to read.
#pragma once

#include <string>

namespace scratchfs::kernel {

// The version of the libfuse that is linked in: `3.18.3`.
std::string libfuse_version();

// How this machine's kernel would be talked to by a mount made now, without being asked for either
// transport: `FUSE over io_uring`, or `/dev/fuse (` and why not io_uring `)`.
std::string usual_transport();

}  // namespace scratchfs::kernel
