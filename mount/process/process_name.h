// What ps and top show for a process of ours.
#pragma once

#include <string>

namespace scratchfs::mount {

// Remembers where main()'s arguments lie; call it before naming anything.
void remember_arguments(int argc, char** argv);

// `name` (at most 15 bytes) for PR_SET_NAME; the command line becomes `name detail`, cut to the
// room there is.
void name_process(const char* name, const std::string& detail);

// Name and command line as they were remembered.
void restore_name();

}  // namespace scratchfs::mount
