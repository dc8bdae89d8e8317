// `scratchfs status`: one screen about a mount.
#pragma once

#include <cstdint>
#include <string>

#include "mount/control_protocol.h"

namespace scratchfs::mount {

// The daemon's status for the eye.
std::string show_status(const Json& status);

// 59 s, 3 min, 5 h 2 min, 12 d 4 h.
std::string show_duration(std::uint64_t seconds);

}  // namespace scratchfs::mount
