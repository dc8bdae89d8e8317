// The text of `scratchfs --version`.
#pragma once

#include <string>

namespace scratchfs::mount {

// Returns three lines: the versions of the program, of its libfuse and of the running kernel, the
// last with the transport that a mount would use.
std::string version_text();

}  // namespace scratchfs::mount
