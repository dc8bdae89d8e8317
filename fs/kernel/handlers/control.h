// A request on the control file, and the callback that answers it.
#pragma once

#include <sys/types.h>
#include <functional>
#include <string>
#include <string_view>

namespace scratchfs::kernel {

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
