// Wall-clock time for inode timestamps.
#pragma once

#include <ctime>

namespace scratchfs::base {

// Returns the current time by CLOCK_REALTIME_COARSE (clock_gettime(2)), the clock that the kernel's
// own file systems use for timestamps. It advances at every timer tick. With the fine-grained
// clock, a file written here could appear newer than one written elsewhere right afterwards. Never
// fails.
inline timespec now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return time;
}

}  // namespace scratchfs::base
