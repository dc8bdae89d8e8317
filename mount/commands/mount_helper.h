// The command under the name mount.fuse.scratchfs, as mount(8) calls it.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mount/commands/command_line.h"

namespace scratchfs::mount {

// Whether the program was called by such a name.
bool is_mount_helper(std::string_view program);

// From SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE], mount(8)'s EXTERNAL HELPERS, to the
// arguments of the command.
std::variant<std::vector<std::string>, Answered> arguments_from_mount(
    const std::vector<std::string>& arguments);

// All that main() was given, the program's name first.
std::variant<Command, Answered> parse_program(std::vector<std::string> arguments);

}  // namespace scratchfs::mount
