// Queries to /proc and /sys about mounts, FUSE connections and processes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace scratchfs::harness {

struct MountEntry {
  int id = 0;
  unsigned device_major = 0;
  unsigned device_minor = 0;  // for FUSE also the name below /sys/fs/fuse/connections
  std::string path;
  std::string type;
  std::string source;
  std::string options;  // of the mount, then of the file system, separated by commas
};

// Returns the mounts in /proc/self/mountinfo whose path begins with `prefix`. Makes no call into
// any file system, so it returns even if one hangs.
std::vector<MountEntry> mounts_below(const std::string& prefix);

bool is_fuse(const MountEntry& mount);
// Mounts the kernel's list of FUSE connections at `directory`, for the two functions below.
bool mount_fuse_control(const std::string& directory);
// Fails every request that waits for this FUSE connection. Returns false if it no longer exists.
bool abort_connection(unsigned device_minor);
// Returns the connection's number of unanswered requests; 0 if it no longer exists.
int waiting_requests(unsigned device_minor);

// Returns the processes whose command line contains `text`, without the caller and zombies.
std::vector<pid_t> processes_naming(const std::string& text);
// Returns a readable description: "1234 (scratchfs -f /tmp/x) S".
std::string describe_process(pid_t pid);
// Describes what the threads of a process wait for in the kernel; identical threads share a line.
std::string describe_threads(pid_t pid);
// Returns the start time of a process in clock ticks since boot, 0 if there is none. Together with
// the pid it identifies a process uniquely.
unsigned long long start_time(pid_t pid);
// Returns a value of /proc/PID/status in kB, such as "VmRSS"; -1 if there is none.
long status_kb(pid_t pid, const std::string& key);

std::string read_text(const std::string& path);

}  // namespace scratchfs::harness
