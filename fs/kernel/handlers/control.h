// The control file's interface: its name, the size of requests, and the callback that answers them.
#pragma once

#include <sys/ioctl.h>
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace scratchfs::kernel {

inline constexpr const char* kControlName = ".scratchfs-control";
inline constexpr std::size_t kMaxControlRequest = 64 * 1024;  // bytes

// The ioctl(2) command for a request of `bytes` bytes. It does what a write of the request does,
// and also works on a descriptor opened read-only.
inline constexpr std::size_t kMaxControlIoctl = (1U << _IOC_SIZEBITS) - 1;
constexpr unsigned control_command(std::size_t bytes) {
  return _IOC(_IOC_WRITE, 0x5C, 1, static_cast<unsigned>(bytes & kMaxControlIoctl));
}

struct ControlRequest {
  std::string_view text;  // as written to the file
  // The opener's: requests through a handle count as the opener's, whoever writes them.
  uid_t uid;
  pid_t thread = 0;  // the opener's, for the log; 0: not visible to the daemon
};
// Answers a request on the control file. Runs on a thread that may block; must not access the
// mount.
using ControlHandler = std::function<std::string(const ControlRequest&)>;

}  // namespace scratchfs::kernel
