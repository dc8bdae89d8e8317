// What /proc/self/mountinfo says (proc(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace scratchfs::base {

struct MountLine {
  int id = -1;
  std::string device;  // `major:minor`, as st_dev; for FUSE the minor names the connection
  std::string root;    // the directory of that file system that is seen at `path`
  std::string path;    // where it is mounted, absolute, seen from this process's root
  std::string type;    // with the subtype: `fuse.scratchfs`
  std::string source;
  std::string options;  // of the file system: `rw,user_id=1000,...`
};

// The text of `path`, empty where it cannot be read. Throws bad_alloc, also where it is the kernel
// that has no memory: nobody shall take that for a machine without mounts.
std::string read_mount_info(const char* path = "/proc/self/mountinfo");

// In the order of mounting, as the kernel tells it. What is no such line is left out.
std::vector<MountLine> parse_mount_info(std::string_view text);

// A name as it is: /proc writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text);

}  // namespace scratchfs::base
