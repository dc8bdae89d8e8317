// What the guardian does all day, apart from the processes: so that it can be tested within one.
#pragma once

#include <functional>
#include <string>

#include "mount/mount_table.h"

namespace scratchfs::mount {

// What the daemon says on the socket, one byte a message.
inline constexpr char kMountedMessage = 'm';
inline constexpr char kDismissMessage = 'd';

struct GuardianHost {
  std::function<MountTable()> mounts;
  std::function<bool(const std::string& mountpoint)> detach;  // lazily; false: it could not
};

// Listens until the daemon dismisses the guardian or dies (end of file). Where it died, detaches
// what is left of its mount at every place where it can be seen, and nothing else: only mounts of
// the device that was at `mountpoint` when the daemon said it had mounted (if it never came to say
// so: a scratchfs that is there now). True: something was detached.
bool watch_daemon(int socket, const std::string& mountpoint, const GuardianHost& host);

}  // namespace scratchfs::mount
