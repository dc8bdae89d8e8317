// The commands' side of the control file.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "mount/control/protocol.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Asks the daemon behind `mountpoint` and waits for its reply; the answer is what read_reply()
// finds under `what`. Refused: no scratchfs there, its daemon is gone, not allowed, or what the
// daemon itself says.
Outcome<Json> ask_daemon(const std::string& mountpoint, const Request& request, const char* what);

// The same; the terminal is told that it takes long (progress.h).
Outcome<Json> ask_daemon_visibly(const std::string& mountpoint, const Request& request,
                                 const char* what);

// As ask_daemon(), but nullopt where there is no answer within `patience` (a daemon that hangs must
// not hang its unmount) or none at all. A thread may stay behind, waiting, until the process ends.
std::optional<Json> ask_daemon_briefly(const std::string& mountpoint, const Request& request,
                                       const char* what, std::chrono::milliseconds patience);

}  // namespace scratchfs::mount
