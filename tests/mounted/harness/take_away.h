// Unmounts what a test has mounted.
#pragma once

#include <string>

namespace scratchfs::harness {

// Unmounts the file system at `path`. If it is still in use, fails the test and detaches it.
void take_away(const std::string& path);

}  // namespace scratchfs::harness
