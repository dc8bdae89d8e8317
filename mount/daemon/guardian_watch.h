// The guardian's main loop, separate from the process that runs it so that tests can run it in
// their own process.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "fs/mounts/mount.h"
#include "fs/mounts/own_mount.h"

namespace scratchfs::mount {

inline constexpr const char* kGuardianName = "scratchfs-guard";  // the process name

// The messages that the daemon sends on the socket, by their first byte.
inline constexpr char kMountedMessage = 'm';  // followed by the numbers that identify the mount
inline constexpr char kAnswersMessage = 'a';
inline constexpr char kDismissMessage = 'd';

// Returns the complete message that reports `mount`.
std::string mounted_message(const mounts::Mount& mount);

// What the loop needs from its surroundings; tests pass fakes.
struct GuardianHost {
  std::function<mounts::MountTable()> mounts = [] { return mounts::read_mount_table(); };
  // Detaches a mount lazily; returns false if that fails.
  std::function<bool(const mounts::Mount& mount)> detach;
  // Returns the current path of the mount point, which may have been moved.
  std::function<std::string()> whereabouts = nullptr;
  mounts::MountTable before = {};  // the mount table before the daemon started
  // If set, each_period is called after each such period without a message once the daemon has
  // mounted, with its mount; nullptr if that is not visible anywhere.
  std::optional<std::chrono::milliseconds> period = std::nullopt;
  std::function<void(const mounts::Mount* mount)> each_period = nullptr;
  // Called when the daemon reports that the mount answers.
  std::function<void()> on_answer = nullptr;
  // A signalfd(2) to watch besides the socket, and what to call when it is readable.
  int signals = -1;
  std::function<void()> on_signal = nullptr;
};

enum class Watched {
  dismissed,  // the daemon ended in an orderly way
  lost,       // it died while its mount was visible at the mount point, or before it had mounted
  left,       // it died after its mount had been unmounted, moved or covered
};
// Listens until the daemon dismisses the guardian or dies (end of file on the socket). If it dies,
// detaches its mount wherever that is visible, and nothing else. Its mount is the one it reported
// or, if it did not get as far, a scratchfs at the mount point that is not in `host.before`.
// Retries each step that throws bad_alloc until it succeeds.
Watched watch_daemon(int socket, const GuardianHost& host);

}  // namespace scratchfs::mount
