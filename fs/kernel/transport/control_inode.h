// The inode number of the control file (handlers/control_file.h).
#pragma once

#include "fs/tree/types.h"

namespace scratchfs::kernel {

// No inode of the tree gets that far.
inline constexpr tree::InodeId kControlId = ~tree::InodeId{0} - 1;

}  // namespace scratchfs::kernel
