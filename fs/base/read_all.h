// Reads a whole file through its descriptor.
#pragma once

#include <string>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"

namespace scratchfs::base {

// Reads from the current offset of `file` to its end. EFBIG: more than `most` bytes; else the
// errors of read(2).
Result<std::string> read_all(const Descriptor& file, std::size_t most);

}  // namespace scratchfs::base
