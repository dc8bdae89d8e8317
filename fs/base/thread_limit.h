// The error message for EAGAIN from pthread_create(3).
#pragma once

namespace scratchfs::base {

inline constexpr const char* kThreadLimit =
    "no further thread or process may be started (ulimit -u, or pids.max of the control group)";

}  // namespace scratchfs::base
