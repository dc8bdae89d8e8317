// Files that an administrator writes and the daemon reads.
#pragma once

#include <string>

#include "fs/base/result.h"

namespace scratchfs::mount {

// All of it. The failure says `PATH: why`; of what is no regular file, or larger than 16 MiB, too.
// Does not wait for the other end of a FIFO.
base::Result<std::string, base::Failure> read_text_file(const std::string& path);

}  // namespace scratchfs::mount
