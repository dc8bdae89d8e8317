// Derives from a status the warnings that an administrator should look at.
#pragma once

#include <string>
#include <vector>

#include "mount/control/replies.h"

namespace scratchfs::mount {

// docs/status.md lists the codes. `swap` is the result of plaintext_swap().
std::vector<Warning> warnings_of(const Status& status, const std::vector<std::string>& swap);

}  // namespace scratchfs::mount
