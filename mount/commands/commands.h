// The commands and their arguments, as parsed from the command line.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mount/daemon/mount_command.h"
#include "mount/view/top_view.h"

namespace scratchfs::mount {

struct UmountCommand {
  std::string mountpoint;
  bool lazy = false;
  bool dead = false;  // only a mount whose daemon is gone; succeeds if there is none
};

struct StatusCommand {
  std::string mountpoint;
  bool json = false;
  bool prometheus = false;
};

struct TopCommand {
  std::string mountpoint;
  TopChoice choice;
  bool once = false;
  // The time between two updates; with --once, the time over which rates are measured.
  std::chrono::milliseconds interval{2000};
};

// Sets limits for a user or everyone; with neither, shows the table.
struct QuotaCommand {
  std::string mountpoint;
  std::optional<std::string> user;  // name or number
  bool everyone = false;
  std::optional<std::string> bytes;   // a size or `none`
  std::optional<std::string> inodes;  // a number or `none`
  bool reset = false;
  bool json = false;
};

struct SetCommand {
  std::string mountpoint;
  std::vector<std::string> option_lists;  // the argument of each -o
};

// `keep` and `unkeep`.
struct KeepCommand {
  std::vector<std::string> paths;
  bool keep = true;          // false: lift the mark
  bool link_itself = false;  // do not follow a symbolic link
};

struct RunCommand {
  std::vector<std::string> option_lists;  // the argument of each -o
  std::vector<std::string> words;         // the command and its arguments; never empty
};

using Command = std::variant<MountCommand, UmountCommand, StatusCommand, TopCommand, QuotaCommand,
                             SetCommand, KeepCommand, RunCommand>;

// Each runs the command, prints its output and returns the exit code.
int run(const MountCommand& command);
int run(const UmountCommand& command);
int run(const StatusCommand& command);
int run(const TopCommand& command);
int run(const QuotaCommand& command);
int run(const SetCommand& command);
int run(const KeepCommand& command);
int run(const RunCommand& command);

}  // namespace scratchfs::mount
