// Wall-clock time as inodes carry it.
#pragma once

#include <ctime>

namespace scratchfs::base {

// Now, in nanoseconds' resolution (CLOCK_REALTIME, clock_gettime(2)); never fails.
inline timespec now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

}  // namespace scratchfs::base
