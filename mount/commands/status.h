// Formats the screen of `scratchfs status`.
#pragma once

#include <string>

#include "mount/control/protocol.h"

namespace scratchfs::mount {

// Formats the daemon's status, with warnings, for the terminal.
std::string show_status(const Json& status);

// Formats a latency: 940 ns, 4.1 us, 12 ms, 3.0 s.
std::string show_latency(std::uint64_t nanoseconds);

}  // namespace scratchfs::mount
