// What the machine tells about mounts, FUSE connections and processes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace scratchfs::harness {

struct MountEntry {
  int id = 0;
  unsigned device_major = 0;
  unsigned device_minor = 0;  // of a FUSE mount: its name below /sys/fs/fuse/connections
  std::string path;
  std::string type;
  std::string source;
  std::string options;  // of the mount, then of the file system, comma separated
};

// The mounts whose path is `prefix` itself or begins with it, as /proc/self/mountinfo lists them.
// Asks no file system, so it returns even where one hangs.
std::vector<MountEntry> mounts_below(const std::string& prefix);

bool is_fuse(const MountEntry& mount);
// The kernel's list of FUSE connections, mounted at `directory` for the two functions below.
bool mount_fuse_control(const std::string& directory);
// Fails everything that waits for this FUSE connection. False where it is gone already.
bool abort_connection(unsigned device_minor);
// Requests that the connection has not answered yet; 0 where it is gone.
int waiting_requests(unsigned device_minor);

// The processes that have `text` somewhere in their command line. Not the caller, and no zombies.
std::vector<pid_t> processes_naming(const std::string& text);
// For people: "1234 (scratchfs -f /tmp/x) S".
std::string describe_process(pid_t pid);
// What the threads of a process wait for in the kernel, those that do the same in one line.
std::string describe_threads(pid_t pid);
// When the process started, in clock ticks since boot; 0 where there is none. With the pid it names
// a process for good.
unsigned long long start_time(pid_t pid);
// A number in kB of /proc/PID/status, such as "VmRSS"; -1 where there is none.
long status_kb(pid_t pid, const std::string& key);

std::string read_text(const std::string& path);

}  // namespace scratchfs::harness
