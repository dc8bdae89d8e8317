// Changing options of a live mount.
#pragma once

#include <string>
#include <vector>

#include "mount/process/refusal.h"

namespace scratchfs::mount {

// What the -o lists of a remount say, of the mount at `mountpoint`. Refused: a mistake in the
// lists, an option that cannot be changed and is not as the mount has it, or what the daemon says.
Outcome<void> remount(const std::string& mountpoint, const std::vector<std::string>& lists);

}  // namespace scratchfs::mount
