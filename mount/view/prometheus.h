// Formats a status for `scratchfs status --prometheus`, in the text exposition format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
#pragma once

#include <string>

#include "mount/control/replies.h"

namespace scratchfs::mount {

// This many users, those who use most, get series of their own; the rest share the user `(others)`.
inline constexpr std::size_t kMostUsersInMetrics = 100;

// `status` must include histograms.
std::string show_prometheus(const Status& status);

}  // namespace scratchfs::mount
