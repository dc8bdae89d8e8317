// How much memory this process may count on.
#pragma once

#include <cstdint>
#include <string>

namespace scratchfs::mount {

struct Machine {
  std::uint64_t memory = 0;  // bytes: the RAM, or the control group's limit where that is less
  bool limited_by_cgroup = false;
  std::uint64_t ram = 0;  // bytes
};

// `root` is where /proc and /sys are looked for: "" is the machine itself.
Machine this_machine(const std::string& root = "");

}  // namespace scratchfs::mount
