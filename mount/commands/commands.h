// What the command line asks for: each command with its arguments.
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
  bool dead = false;  // only what a daemon left behind; nothing to do is fine
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
  std::chrono::milliseconds interval{
      2000};  // between two looks; of --once, the time that is measured
};

// With neither user nor everyone: the table.
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
  std::vector<std::string> option_lists;  // of each -o
};

// keep and unkeep.
struct KeepCommand {
  std::vector<std::string> paths;
  bool keep = true;          // false: lift the mark
  bool link_itself = false;  // of a symbolic link, not what it points to
};

struct RunCommand {
  std::vector<std::string> option_lists;  // of each -o
  std::vector<std::string> words;         // the command and its arguments; never empty
};

using Command = std::variant<MountCommand, UmountCommand, StatusCommand, TopCommand, QuotaCommand,
                             SetCommand, KeepCommand, RunCommand>;

// Each does the work, prints, and returns the exit code.
int run(const MountCommand& command);
int run(const UmountCommand& command);
int run(const StatusCommand& command);
int run(const TopCommand& command);
int run(const QuotaCommand& command);
int run(const SetCommand& command);
int run(const KeepCommand& command);
int run(const RunCommand& command);

}  // namespace scratchfs::mount
