#include "mount/daemon/guardian_watch.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <sstream>
#include <vector>

#include "fs/base/memory_shortage.h"

namespace scratchfs::mount {

namespace {

enum class Heard { mounted, answers, dismissed, died, signal, nothing };

constexpr std::size_t kMostWords = 64;  // three numbers

// `nothing`: not a word for a whole period. `words`: what the message says besides.
Heard listen(int socket, const GuardianHost& host, std::string& words) {
  const int period = host.period ? static_cast<int>(host.period->count()) : -1;
  for (;;) {
    std::array<pollfd, 2> waited{{{socket, POLLIN, 0}, {host.signals, POLLIN, 0}}};
    const int ready = ::poll(waited.data(), waited.size(), period);
    if (ready == 0) return Heard::nothing;
    if (ready < 0 && errno == EINTR) continue;
    if (waited[1].revents != 0) return Heard::signal;
    std::array<char, 1 + kMostWords> message{};
    const ssize_t got = ::recv(socket, message.data(), message.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Heard::died;
    words.assign(&message[1], static_cast<std::size_t>(got - 1));
    if (message[0] == kMountedMessage) return Heard::mounted;
    if (message[0] == kAnswersMessage) return Heard::answers;
    if (message[0] == kDismissMessage) return Heard::dismissed;
  }
}

kernel::MountIdentity mount_in(const std::string& words) {
  kernel::MountIdentity mount;
  std::istringstream(words) >> mount.id >> mount.unique >> mount.device;
  return mount;
}

// Ids and devices are used again once they are free, so both must still be those of the mount.
bool is_same(const MountEntry& entry, const MountEntry& mount) {
  return entry.id == mount.id && entry.device == mount.device && entry.type == mount.type;
}

bool is_in(const MountTable& table, const MountEntry& mount) {
  return std::ranges::any_of(table, [&](const MountEntry& entry) { return is_same(entry, mount); });
}

std::optional<MountEntry> find(const MountTable& table, const kernel::MountIdentity& mount) {
  for (const MountEntry& entry : table) {
    if (entry.id != mount.id || entry.device != mount.device || entry.type != kFileSystemType)
      continue;
    MountEntry found = entry;
    found.unique = mount.unique;
    return found;
  }
  return std::nullopt;
}

// What the daemon mounted and had not told of.
std::optional<MountEntry> find_new(const MountTable& table, const GuardianHost& host) {
  const MountEntry* top = topmost_at(table, host.whereabouts());
  if (top == nullptr || top->type != kFileSystemType || is_in(host.before, *top))
    return std::nullopt;
  return *top;
}

bool is_on_top(const MountTable& table, const MountEntry& mount) {
  const MountEntry* top = topmost_at(table, mount.mountpoint);
  return top != nullptr && is_same(*top, mount);
}

// The last of `wanted` that is on top at its place, where it is now: only that one would umount2(2)
// take away.
std::optional<MountEntry> take_next(std::vector<MountEntry>& wanted, const MountTable& table) {
  for (auto mount = wanted.rbegin(); mount != wanted.rend(); ++mount) {
    const auto now = std::ranges::find_if(
        table, [&](const MountEntry& entry) { return is_same(entry, *mount); });
    if (now == table.end() || !is_on_top(table, *now)) continue;
    MountEntry next = *now;
    next.unique = mount->unique;
    wanted.erase(std::next(mount).base());
    return next;
  }
  return std::nullopt;
}

void tell_of_period(const kernel::MountIdentity& told, const GuardianHost& host) {
  const MountTable table = host.mounts();
  const auto mount = find(table, told);
  host.each_period(mount && is_on_top(table, *mount) ? &*mount : nullptr);
}

Watched clean_up(const std::optional<kernel::MountIdentity>& told, const GuardianHost& host,
                 base::MemoryShortage& shortage) {
  MountTable table;
  std::optional<MountEntry> mount;
  bool was_seen = false;
  const auto look = [&] {
    table = host.mounts();
    mount = told ? find(table, *told) : find_new(table, host);
    was_seen = mount && is_on_top(table, *mount) && mount->mountpoint == host.whereabouts();
  };
  while (!shortage.survives(look)) continue;
  if (!mount) return told ? Watched::left : Watched::lost;
  while (!shortage.survives([&] { detach_all(table, *mount, host); })) continue;
  return was_seen ? Watched::lost : Watched::left;
}

}  // namespace

std::string mounted_message(const kernel::MountIdentity& mount) {
  return kMountedMessage + fmt::format("{} {} {}", mount.id, mount.unique, mount.device);
}

// `mount` first, if it can be seen: of its copies the unique number is not known.
bool detach_all(const MountTable& table, const MountEntry& mount, const GuardianHost& host) {
  std::vector<MountEntry> wanted;
  for (const MountEntry& entry : table) {
    const bool is_copy = entry.device == mount.device && entry.type == mount.type;
    if (is_copy && !is_same(entry, mount)) wanted.push_back(entry);
  }
  wanted.push_back(mount);
  bool detached = false;
  while (const auto next = take_next(wanted, host.mounts())) {
    if (!host.detach(*next)) return detached;
    detached = true;
  }
  return detached;
}

Watched watch_daemon(int socket, const GuardianHost& host) {
  std::optional<kernel::MountIdentity> told;
  std::string words;
  words.reserve(kMostWords);
  base::MemoryShortage shortage("watching over the mount");
  for (;;) {
    switch (listen(socket, host, words)) {
      case Heard::mounted:
        while (!shortage.survives([&] { told = mount_in(words); })) continue;
        break;
      case Heard::answers:
        if (host.on_answer) host.on_answer();
        break;
      case Heard::signal:
        host.on_signal();
        break;
      case Heard::nothing:
        while (told && !shortage.survives([&] { tell_of_period(*told, host); })) continue;
        break;
      case Heard::dismissed:
        return Watched::dismissed;
      case Heard::died:
        return clean_up(told, host, shortage);
    }
  }
}

}  // namespace scratchfs::mount
