// `scratchfs status`: one screen about a mount.
#pragma once

#include <string>

#include "mount/control/protocol.h"

namespace scratchfs::mount {

// The daemon's status, with warnings, for the eye.
std::string show_status(const Json& status);

// 940 ns, 4.1 us, 12 ms, 3.0 s.
std::string show_latency(std::uint64_t nanoseconds);

}  // namespace scratchfs::mount
