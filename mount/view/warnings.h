// What an administrator should look at, seen from a status.
#pragma once

#include <string>
#include <vector>

#include "mount/control/protocol.h"

namespace scratchfs::mount {

// Of an array: {"code": ..., "text": ...} each; docs/status.md lists the codes. `status` is the
// daemon's, with users' names where they are known; `swap` is what plaintext_swap() found.
Json warnings_of(const Json& status, const std::vector<std::string>& swap);

}  // namespace scratchfs::mount
