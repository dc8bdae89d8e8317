// The table of handlers that libfuse calls.
#pragma once

#include "fs/kernel/transport/fuse.h"

namespace scratchfs::kernel {

// Returns the table. REQUIRES: the session's userdata is a Context.
const fuse_lowlevel_ops& operations();

}  // namespace scratchfs::kernel
