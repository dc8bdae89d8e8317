// The end of what a test mounted.
#pragma once

#include <string>

namespace scratchfs::harness {

// Unmounts what is at `path`. Where that cannot be, somebody still uses it: fails the test, and
// takes it out of sight.
void take_away(const std::string& path);

}  // namespace scratchfs::harness
