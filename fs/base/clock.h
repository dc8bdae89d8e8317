// Wall-clock time as inodes carry it.
#pragma once

#include <ctime>

namespace scratchfs::base {

// Now, by the clock that the kernel's own file systems stamp files with (CLOCK_REALTIME_COARSE,
// clock_gettime(2)): it moves some hundred times a second. With the fine one a file written here
// would be newer than one written elsewhere right afterwards. Never fails.
inline timespec now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return time;
}

}  // namespace scratchfs::base
