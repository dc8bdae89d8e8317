#include "mount/guardian_watch.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>

namespace scratchfs::mount {

namespace {

enum class Heard { mounted, answers, dismissed, died, signal, nothing };

// `nothing`: not a word for a whole period.
Heard listen(int socket, const GuardianHost& host) {
  const int period = host.period ? static_cast<int>(host.period->count()) : -1;
  for (;;) {
    std::array<pollfd, 2> waited{{{socket, POLLIN, 0}, {host.signals, POLLIN, 0}}};
    const int ready = ::poll(waited.data(), waited.size(), period);
    if (ready == 0) return Heard::nothing;
    if (ready < 0 && errno == EINTR) continue;
    if (waited[1].revents != 0) return Heard::signal;
    char message = 0;
    const ssize_t got = ::recv(socket, &message, 1, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Heard::died;
    if (message == kMountedMessage) return Heard::mounted;
    if (message == kAnswersMessage) return Heard::answers;
    if (message == kDismissMessage) return Heard::dismissed;
  }
}

std::optional<MountEntry> scratchfs_at(const MountTable& table, const std::string& mountpoint) {
  const MountEntry* top = topmost_at(table, mountpoint);
  if (top == nullptr || top->type != kFileSystemType) return std::nullopt;
  return *top;
}

// The last entry of our device that is on top at its place: only that one would umount2(2) take
// away.
std::optional<std::string> next_to_detach(const MountTable& table, const std::string& device) {
  for (auto entry = table.rbegin(); entry != table.rend(); ++entry) {
    if (entry->device != device || entry->type != kFileSystemType) continue;
    if (topmost_at(table, entry->mountpoint) == &*entry) return entry->mountpoint;
  }
  return std::nullopt;
}

// Ids and devices are used again once they are free, so both must still be those of the mount that
// was seen.
bool still_ours(const MountTable& table, const MountEntry& seen) {
  for (const MountEntry& entry : table) {
    if (entry.id == seen.id) return entry.device == seen.device && entry.type == seen.type;
  }
  return false;
}

bool still_seen(const MountTable& table, const MountEntry& seen, const std::string& mountpoint) {
  const MountEntry* top = topmost_at(table, mountpoint);
  return top != nullptr && top->id == seen.id && top->device == seen.device;
}

}  // namespace

bool detach_all(const std::string& device, const GuardianHost& host) {
  bool detached = false;
  while (const auto mountpoint = next_to_detach(host.mounts(), device)) {
    if (!host.detach(*mountpoint)) return detached;
    detached = true;
  }
  return detached;
}

Watched watch_daemon(int socket, const std::string& mountpoint, const GuardianHost& host) {
  std::optional<MountEntry> mount;
  for (;;) {
    switch (listen(socket, host)) {
      case Heard::mounted:
        mount = scratchfs_at(host.mounts(), mountpoint);
        break;
      case Heard::answers:
        if (host.on_answer) host.on_answer();
        break;
      case Heard::signal:
        host.on_signal();
        break;
      case Heard::nothing:
        if (mount) host.each_period(still_seen(host.mounts(), *mount, mountpoint));
        break;
      case Heard::dismissed:
        return Watched::dismissed;
      case Heard::died:
        const MountTable table = host.mounts();
        if (!mount) mount = scratchfs_at(table, mountpoint);
        if (!mount) return Watched::lost;
        if (still_ours(table, *mount)) detach_all(mount->device, host);
        return still_seen(table, *mount, mountpoint) ? Watched::lost : Watched::left;
    }
  }
}

}  // namespace scratchfs::mount
