// `scratchfs status --prometheus`: a status in the text exposition format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
#pragma once

#include <string>

#include "mount/control/protocol.h"

namespace scratchfs::mount {

// At most so many users get series of their own, those who use most; the rest are one, `(others)`.
inline constexpr std::size_t kMostUsersInMetrics = 100;

// `status` with histograms, users' names and warnings.
std::string show_prometheus(const Json& status);

}  // namespace scratchfs::mount
