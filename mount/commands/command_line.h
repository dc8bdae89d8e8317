// Parses the command line into a command.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "mount/commands/commands.h"

namespace scratchfs::mount {

// The answer to a command line that needs nothing more: --help, --version, or an error.
struct Answered {
  std::string text;
  int exit_code;  // kFine: the text goes to stdout; kUsage: to stderr
};

// Parses the arguments, without the program's name. The word `mount` may be left out:
// [mount] [SOURCE] MOUNTPOINT [-o opt,...] [-f] [-d], which is also how mount.fuse(8) calls the
// program.
std::variant<Command, Answered> parse_command_line(std::vector<std::string> arguments);

// Parses the arguments of main(), starting with the program's name, which may be that of a mount
// helper (mount_helper.h).
std::variant<Command, Answered> parse_program(std::vector<std::string> arguments);

}  // namespace scratchfs::mount
