// What a session is told at its start.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace scratchfs::kernel {

enum class IoUring : std::uint8_t { automatic, on, off };

// How long a request that came over a ring waits for the spill disk.
inline constexpr std::chrono::seconds kRingPatience{30};

struct SessionOptions {
  IoUring io_uring = IoUring::automatic;
  unsigned ring_depth = 128;   // ring entries per possible CPU
  unsigned max_workers = 256;  // threads that may wait for the disk on behalf of parked requests
  std::chrono::milliseconds ring_patience = kRingPatience;
  bool allow_other = false;
  uid_t owner = 0;                   // who mounted
  std::string source = "scratchfs";  // what df and /proc/mounts show
  bool strict_access_times = false;  // which libfuse does not know; root's mounts only
  std::vector<std::string>
      mount_options;  // further ones for libfuse and mount(2), each `name` or `name=value`
};

}  // namespace scratchfs::kernel
