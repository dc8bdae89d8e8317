// What a healthy daemon does not write.
#pragma once

#include <string>
#include <vector>

namespace scratchfs::harness {

// The suspicious lines of a log, without those that contain one of `tolerated`.
std::vector<std::string> suspicious_lines(const std::string& log,
                                          const std::vector<std::string>& tolerated);

// What a command said, without the warning that every mount gets on a machine with plaintext swap.
std::string without_swap_warning(const std::string& text);

// Settings that make the sanitizers write below `directory`, where reports_in() finds what they
// wrote.
std::vector<std::string> sanitizer_environment(const std::string& directory);
std::string reports_in(const std::string& directory);

}  // namespace scratchfs::harness
