// Formats the screen of `scratchfs status`.
#pragma once

#include <string>

#include "mount/control/replies.h"

namespace scratchfs::mount {

// Formats a status for the terminal.
std::string show_status(const Status& status);

// Formats a latency: 940 ns, 4.1 us, 12 ms, 3.0 s.
std::string show_latency(std::uint64_t nanoseconds);

}  // namespace scratchfs::mount
