// Derives from a status the warnings that an administrator should look at.
#pragma once

#include <string>
#include <vector>

#include "mount/control/protocol.h"

namespace scratchfs::mount {

// Returns an array of {"code": ..., "text": ...}; docs/status.md lists the codes. `status` is the
// daemon's; `swap` is the result of plaintext_swap().
Json warnings_of(const Json& status, const std::vector<std::string>& swap);

}  // namespace scratchfs::mount
