// The users of the quota tests.
#pragma once

#include <sys/types.h>

namespace scratchfs::quota {

inline constexpr uid_t kAlice = 1000;
inline constexpr uid_t kBob = 1001;

}  // namespace scratchfs::quota
