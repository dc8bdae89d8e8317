// argv in, a command out.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "mount/commands/commands.h"

namespace scratchfs::mount {

// The command line is answered at once: --help, --version, or a mistake.
struct Answered {
  std::string text;
  int exit_code;  // kFine: for stdout; kUsage: for stderr
};

// `arguments` without the program's name. `mount` may be left out:
// [mount] [SOURCE] MOUNTPOINT [-o opt,...] [-f] [-d] is also how mount.fuse(8) calls.
std::variant<Command, Answered> parse_command_line(std::vector<std::string> arguments);

}  // namespace scratchfs::mount
