// What the guardian does all day, apart from the processes: so that it can be tested within one.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "mount/mount_table.h"

namespace scratchfs::mount {

// What the daemon says on the socket, one byte a message.
inline constexpr char kMountedMessage = 'm';
inline constexpr char kAnswersMessage = 'a';
inline constexpr char kDismissMessage = 'd';

struct GuardianHost {
  std::function<MountTable()> mounts;
  std::function<bool(const std::string& mountpoint)> detach;  // lazily; false: it could not
  // Where somebody wants to hear that all is well: called every so often while the daemon lives,
  // with whether the daemon's mount is still what one sees there.
  std::optional<std::chrono::milliseconds> period = std::nullopt;
  std::function<void(bool mounted)> each_period = nullptr;
  // The daemon has said that the mount answers.
  std::function<void()> on_answer = nullptr;
  // A descriptor (signalfd(2)) to listen to besides, and what to do when it can be read.
  int signals = -1;
  std::function<void()> on_signal = nullptr;
};

// Detaches every mount of `device` that is on top at its place. True: there was one.
bool detach_all(const std::string& device, const GuardianHost& host);

enum class Watched {
  dismissed,  // the daemon ended as it should
  lost,       // it died; its mount was what one saw at the mount point, or it had none yet
  left,       // it died when its mount was not to be seen there any more: unmounted lazily, covered
};
// Listens until the daemon dismisses the guardian or dies (end of file). Where it died, detaches
// what is left of its mount at every place where it can be seen, and nothing else: only mounts of
// the device that was at `mountpoint` when the daemon said it had mounted (if it never came to say
// so: a scratchfs that is there now).
Watched watch_daemon(int socket, const std::string& mountpoint, const GuardianHost& host);

}  // namespace scratchfs::mount
