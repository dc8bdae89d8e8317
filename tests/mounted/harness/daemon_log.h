// Finds what a healthy daemon does not log.
#pragma once

#include <string>
#include <vector>

namespace scratchfs::harness {

// Returns the suspicious lines of a log, except those that contain one of `tolerated`.
std::vector<std::string> suspicious_lines(const std::string& log,
                                          const std::vector<std::string>& tolerated);

// Returns a command's output without the warning that each mount prints if swap is not encrypted.
std::string without_swap_warning(const std::string& text);

// Returns environment variables that make sanitizers write their reports below `directory`, where
// reports_in() finds them.
std::vector<std::string> sanitizer_environment(const std::string& directory);
std::string reports_in(const std::string& directory);

}  // namespace scratchfs::harness
