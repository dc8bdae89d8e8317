// What the guardian does all day, apart from the processes: so that it can be tested within one.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "fs/mounts/mount.h"
#include "fs/mounts/own_mount.h"

namespace scratchfs::mount {

// What the daemon says on the socket: the first byte of a message.
inline constexpr char kMountedMessage = 'm';  // and which mount it is
inline constexpr char kAnswersMessage = 'a';
inline constexpr char kDismissMessage = 'd';

// The whole message that tells of `mount`.
std::string mounted_message(const mounts::Mount& mount);

struct GuardianHost {
  std::function<mounts::MountTable()> mounts;
  std::function<bool(const mounts::Mount& mount)> detach;  // lazily; false: it could not
  // Where the directory that is mounted on lies now.
  std::function<std::string()> whereabouts = nullptr;
  mounts::MountTable before = {};  // what was mounted before the daemon was there
  // Where somebody wants to hear that all is well: called every so often while the daemon lives,
  // with the daemon's mount; nullptr: it is not to be seen anywhere.
  std::optional<std::chrono::milliseconds> period = std::nullopt;
  std::function<void(const mounts::Mount* mount)> each_period = nullptr;
  // The daemon has said that the mount answers.
  std::function<void()> on_answer = nullptr;
  // A descriptor (signalfd(2)) to listen to besides, and what to do when it can be read.
  int signals = -1;
  std::function<void()> on_signal = nullptr;
};

// Detaches `mount` and its copies elsewhere (bind mounts), as `table` has them: what came since may
// have got their numbers. Each only while it is on top at its place. True: there was one.
bool detach_all(const mounts::MountTable& table, const mounts::Mount& mount,
                const GuardianHost& host);

enum class Watched {
  dismissed,  // the daemon ended as it should
  lost,       // it died; its mount was what one saw at its directory, or it had none yet
  left,       // it died when its mount was not to be seen there any more: unmounted, moved, covered
};
// Listens until the daemon dismisses the guardian or dies (end of file). Where it died, detaches
// what is left of its mount at every place where it can be seen, and nothing else: the mount of
// which the daemon said that it had mounted it. If it never came to say so: a scratchfs on the
// directory that was not there before. What throws bad_alloc is done again until it does not.
Watched watch_daemon(int socket, const GuardianHost& host);

}  // namespace scratchfs::mount
