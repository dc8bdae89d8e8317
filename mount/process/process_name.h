// Sets the process name and command line that ps(1) and top(1) show.
#pragma once

#include <string>

namespace scratchfs::mount {

// Remembers the memory that holds main()'s arguments, and what is in it. Call it first.
void remember_arguments(int argc, char** argv);

// Sets the process name to `name` (at most 15 bytes, PR_SET_NAME) and the command line to
// `name detail`, truncated to the size of the original arguments.
void name_process(const char* name, const std::string& detail);

// Restores the original name and command line.
void restore_name();

}  // namespace scratchfs::mount
