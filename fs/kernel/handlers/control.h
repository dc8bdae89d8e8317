// Requests on the control file, as the kernel folder passes them on.
#pragma once

#include <sys/types.h>
#include <functional>
#include <string>
#include <string_view>

namespace scratchfs::kernel {

struct ControlRequest {
  std::string_view text;  // what was written
  uid_t uid;              // who opened the control file: he alone speaks through his handle
  pid_t thread = 0;       // that opened it, for the log; 0: not to be seen
};
// Answers a request on the control file. Called on a thread that may wait; must not touch the
// mount.
using ControlHandler = std::function<std::string(const ControlRequest&)>;

}  // namespace scratchfs::kernel
