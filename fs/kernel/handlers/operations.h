// The handlers as libfuse wants them.
#pragma once

#include "fs/kernel/transport/fuse.h"

namespace scratchfs::kernel {

// All but init, which is the connection's. The session's userdata is a Context.
const fuse_lowlevel_ops& operations();

}  // namespace scratchfs::kernel
