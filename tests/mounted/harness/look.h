// Short queries that many tests use.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/mounted/harness/mount.h"

namespace scratchfs::harness {

// Returns whether lstat(2) finds the name.
bool exists(const std::string& path);
// Returns the errno name of lstat(2) on the path, such as "ENOENT"; "0" on success.
std::string why_not(const std::string& path);
// Returns "0", or the name of errno if `result` is a system call's -1.
std::string outcome(long result);
// Returns the sorted names in a directory, without "." and "..".
std::vector<std::string> names_in(const std::string& directory);
// Returns a file's content; fails the test if it cannot be read.
std::string bytes_of_file(const std::string& path);
mode_t mode_of(const std::string& path);
// Returns the bytes that may still be written, according to statfs(2).
std::uint64_t free_bytes(const std::string& path);

// Returns the output of `scratchfs status --json`, run as root.
nlohmann::json status_of(const Mount& mount);
struct Usage {
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 0;
  bool operator==(const Usage&) const = default;
};
// Returns what the daemon has charged to a user; zero if it does not list the user.
Usage charged_to(const Mount& mount, uid_t uid);
// Returns a user's usage as found by walking the mount: st_blocks, and the number of names.
Usage found_of(const Mount& mount, uid_t uid);

}  // namespace scratchfs::harness
