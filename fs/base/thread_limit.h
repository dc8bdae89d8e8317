// What is said where pthread_create(3) says EAGAIN.
#pragma once

namespace scratchfs::base {

inline constexpr const char* kThreadLimit =
    "no further thread or process may be started (ulimit -u, or pids.max of the control group)";

}  // namespace scratchfs::base
