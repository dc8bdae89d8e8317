// How much memory this process may use: the machine's RAM and the limits of its cgroups.
#pragma once

#include <cstdint>
#include <string>

namespace scratchfs::mount {

struct Machine {
  std::uint64_t memory = 0;  // bytes: the RAM, or the cgroup's limit if that is lower
  bool limited_by_cgroup = false;
  std::uint64_t ram = 0;  // bytes
};

// `root` is the directory that contains /proc and /sys; tests pass one of their own.
Machine this_machine(const std::string& root = "");

}  // namespace scratchfs::mount
