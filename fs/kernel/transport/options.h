// Options of a session, fixed at its start.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace scratchfs::kernel {

enum class IoUring : std::uint8_t { automatic, on, off };

// How long a request on a ring waits for the spill disk without progress before it fails with EIO.
inline constexpr std::chrono::seconds kSpillTimeout{30};

struct SessionOptions {
  IoUring io_uring = IoUring::automatic;
  unsigned ring_depth = 128;   // entries per possible CPU
  unsigned max_workers = 256;  // threads that may wait for the disk on behalf of parked requests
  std::chrono::milliseconds spill_timeout = kSpillTimeout;
  bool allow_other = false;
  uid_t owner = 0;                   // the user who mounted
  std::string source = "scratchfs";  // as shown by df and /proc/mounts
  bool strict_access_times = false;  // root's mounts only; libfuse does not support it
  // Further options for libfuse and mount(2), each `name` or `name=value`.
  std::vector<std::string> mount_options;
};

}  // namespace scratchfs::kernel
