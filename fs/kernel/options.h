// What a session is told at its start.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace scratchfs::kernel {

enum class IoUring : std::uint8_t { automatic, on, off };

struct SessionOptions {
  IoUring io_uring = IoUring::automatic;
  unsigned ring_depth = 32;   // ring entries per possible CPU
  unsigned max_workers = 64;  // threads that may wait on behalf of parked requests
  bool allow_other = false;
  std::string source = "scratchfs";  // what df and /proc/mounts show
  std::vector<std::string>
      mount_options;  // further ones for libfuse and mount(2), each `name` or `name=value`
};

}  // namespace scratchfs::kernel
