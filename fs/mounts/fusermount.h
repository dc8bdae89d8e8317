// Mounting for an ordinary user: by fusermount3(1), which is setuid root and passes the connection
// back.
//
// libfuse can do that too, but it tries twice, lets the helper's words go to stderr as they come,
// and changes the environment of the process.
#pragma once

#include <string>

#include "fs/base/result.h"

namespace scratchfs::kernel {

// Mounts at `path` (absolute) with `options` (a list as fusermount3 -o takes it). The descriptor of
// /dev/fuse, closed on exec and now the caller's; the failure is the helper's own word.
base::Result<int, base::Failure> mount_by_helper(const std::string& path,
                                                 const std::string& options);

}  // namespace scratchfs::kernel
