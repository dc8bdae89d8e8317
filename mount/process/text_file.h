// Reads configuration files that an administrator writes.
#pragma once

#include <string>

#include "fs/base/result.h"

namespace scratchfs::mount {

// Returns the whole file. Fails with `PATH: why`, also if it is not a regular file or is larger
// than 16 MiB. Does not block on a FIFO.
base::Result<std::string, base::Failure> read_text_file(const std::string& path);

}  // namespace scratchfs::mount
