// Changes options of a live mount.
#pragma once

#include <string>
#include <vector>

#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Applies the -o lists of a remount to the mount at `mountpoint`. Refused if a list has a mistake,
// an option that cannot be changed differs from the mount's, or the daemon refuses.
Outcome<void> remount(const std::string& mountpoint, const std::vector<std::string>& lists);

}  // namespace scratchfs::mount
