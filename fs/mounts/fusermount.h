// Mounting and unmounting for an ordinary user: by fusermount3(1), which is setuid root.
#pragma once

#include <string>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"

namespace scratchfs::mounts {

// Mounts at `path` (absolute) with `options` (a list as fusermount3 -o takes it). Returns the
// descriptor of /dev/fuse, closed on exec; the failure is the helper's own message. libfuse can do
// this too, but it tries twice, leaves the helper's messages on stderr, and changes the environment
// of the process.
base::Result<base::Descriptor, base::Failure> mount_with_fusermount(const std::string& path,
                                                                    const std::string& options);

// Unmounts what is mounted at `path`; `lazily`: out of sight at once, gone when nothing uses it any
// more.
base::Result<void, base::Failure> unmount_with_fusermount(const std::string& path, bool lazily);

}  // namespace scratchfs::mounts
