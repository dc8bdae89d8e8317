// Short questions that many tests ask.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/mounted/harness/mount.h"

namespace scratchfs::harness {

// Whether the name is there, as lstat(2) sees it.
bool exists(const std::string& path);
// Why lstat(2) fails: "ENOENT"; "0" where it does not.
std::string why_not(const std::string& path);
// "0", or the name of errno, of a call that returns -1 for an error.
std::string outcome(long result);
// Names in a directory without . and .., sorted.
std::vector<std::string> names_in(const std::string& directory);
// All bytes of a file; fails the test where it cannot be read.
std::string bytes_of_file(const std::string& path);
mode_t mode_of(const std::string& path);
// statfs(2): bytes that may still be written.
std::uint64_t free_bytes(const std::string& path);

// `scratchfs status --json`, as root.
nlohmann::json status_of(const Mount& mount);
struct Usage {
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 0;
  bool operator==(const Usage&) const = default;
};
// What the daemon has charged; nothing where it lists no such user.
Usage charged_to(const Mount& mount, uid_t uid);
// What a walk through the mount finds: st_blocks, and names.
Usage found_of(const Mount& mount, uid_t uid);

}  // namespace scratchfs::harness
