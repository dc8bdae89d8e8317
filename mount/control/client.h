// Client side of the control protocol: the commands send requests through the control file.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "mount/control/protocol.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Sends a request to the daemon of the mount at `mountpoint` and waits for the reply; returns the
// part that read_reply() finds under `what`. Refused if no scratchfs is mounted there, its daemon
// is gone, the caller has no permission, or the daemon replies with an error.
Outcome<Json> ask_daemon(const std::string& mountpoint, const Request& request, const char* what);

// The same, but shows on the terminal that it takes long (progress.h).
Outcome<Json> ask_daemon_visibly(const std::string& mountpoint, const Request& request,
                                 const char* what);

// Like ask_daemon(), but returns nullopt on failure or if there is no reply within `timeout`: a
// daemon that hangs must not block its own unmount. A thread may stay blocked until the process
// ends.
std::optional<Json> ask_daemon_briefly(const std::string& mountpoint, const Request& request,
                                       const char* what, std::chrono::milliseconds timeout);

}  // namespace scratchfs::mount
