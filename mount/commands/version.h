// What --version says.
#pragma once

#include <string>

namespace scratchfs::mount {

// Three lines: the program, the libfuse in it, and this machine's kernel with the transport that a
// mount would use.
std::string version_text();

}  // namespace scratchfs::mount
