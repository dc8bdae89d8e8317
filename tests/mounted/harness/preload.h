// Libraries that tests preload into a daemon.
#pragma once

#include <string>

namespace scratchfs::harness {

// Returns the environment variable that preloads libscratchfs_NAME.so, which the build puts next to
// the tests.
std::string preload(const std::string& name);

}  // namespace scratchfs::harness
