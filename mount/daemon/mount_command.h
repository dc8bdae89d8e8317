// The arguments of `scratchfs mount`.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace scratchfs::mount {

struct MountCommand {
  std::optional<std::string> source;
  std::string mountpoint;
  std::vector<std::string> option_lists;  // the argument of each -o
  bool foreground = false;
  bool debug = false;
  bool supervise = false;
};

}  // namespace scratchfs::mount
