// The inode number of the control file (handlers/control_file.h).
#pragma once

#include "fs/tree/types.h"

namespace scratchfs::kernel {

// The tree never assigns an inode number this high.
inline constexpr tree::InodeId kControlId = ~tree::InodeId{0} - 1;

}  // namespace scratchfs::kernel
