// The mount helper: the program under the name mount.fuse.scratchfs, as mount(8) calls it.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mount/commands/command_line.h"

namespace scratchfs::mount {

// Whether the program was called by the name of a mount helper.
bool is_mount_helper(std::string_view program);

// Converts the arguments of a mount helper (EXTERNAL HELPERS in mount(8)),
// SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE], to those of `scratchfs mount`.
std::variant<std::vector<std::string>, Answered> arguments_from_mount(
    const std::vector<std::string>& arguments);

}  // namespace scratchfs::mount
