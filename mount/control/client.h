// Client side of the control protocol: the commands send requests through the control file.
#pragma once

#include <string>

#include "mount/control/protocol.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

// A reply, and the text that it was read from: the daemon may know more fields than this program.
template <typename Reply>
struct Answer : Reply {
  std::string text;
};

// Sends a request to the daemon of the mount at `mountpoint` and returns its reply (one of those of
// read_reply()). Refused if no scratchfs is mounted there, its daemon is gone, the caller has no
// permission, or the daemon replies with an error.
template <typename Reply>
Outcome<Answer<Reply>> ask_daemon(const std::string& mountpoint, const Request& request);

// The same, but shows on the terminal that it takes long (progress.h).
template <typename Reply>
Outcome<Answer<Reply>> ask_daemon_visibly(const std::string& mountpoint, const Request& request);

}  // namespace scratchfs::mount
