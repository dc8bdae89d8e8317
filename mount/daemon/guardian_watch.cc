#include "mount/daemon/guardian_watch.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>
#include <sstream>

#include "fs/base/memory_shortage.h"
#include "fs/mounts/unmounting.h"

namespace scratchfs::mount {

namespace {

enum class Heard { mounted, answers, dismissed, died, signal, nothing };

constexpr std::size_t kMostWords = 64;  // bytes; enough for the three numbers of a mount

// Waits for a message or a signal; returns `nothing` if a whole period passes without one. Sets
// `words` to the rest of the message.
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

mounts::Mount mount_in(const std::string& words) {
  mounts::Mount mount;
  std::istringstream(words) >> mount.id.number >> mount.id.unique >> mount.device;
  mount.type = mounts::kFileSystemType;
  return mount;
}

// Returns the table entry of the mount that the daemon reported. The source is not compared, since
// the message does not contain it.
std::optional<mounts::Mount> find_told(const mounts::MountTable& table, const mounts::Mount& told) {
  for (const mounts::Mount& entry : table) {
    mounts::Mount with_source = told;
    with_source.source = entry.source;
    if (!entry.can_be(with_source)) continue;
    mounts::Mount found = entry;
    found.id.unique = told.id.unique;
    return found;
  }
  return std::nullopt;
}

// Returns the mount that a daemon made but died before reporting: a new scratchfs on top at the
// directory.
std::optional<mounts::Mount> find_new(const mounts::MountTable& table, const GuardianHost& host) {
  const mounts::Mount* top = mounts::topmost_at(table, host.whereabouts());
  if (top == nullptr || top->type != mounts::kFileSystemType ||
      mounts::find(host.before, *top) != nullptr)
    return std::nullopt;
  return *top;
}

void tell_of_period(const mounts::Mount& told, const GuardianHost& host) {
  const mounts::MountTable table = host.mounts();
  const auto mount = find_told(table, told);
  host.each_period(mount && mounts::find_visible(table, *mount) ? &*mount : nullptr);
}

Watched clean_up(const std::optional<mounts::Mount>& told, const GuardianHost& host,
                 base::MemoryShortage& shortage) {
  mounts::MountTable table;
  std::optional<mounts::Mount> mount;
  bool was_seen = false;
  const auto look = [&] {
    table = host.mounts();
    mount = told ? find_told(table, *told) : find_new(table, host);
    was_seen = mount && mounts::find_visible(table, *mount) && mount->path == host.whereabouts();
  };
  while (!shortage.survives(look)) continue;
  if (!mount) return told ? Watched::left : Watched::lost;
  while (!shortage.survives([&] { mounts::detach_all(table, *mount, host.mounts, host.detach); }))
    continue;
  return was_seen ? Watched::lost : Watched::left;
}

}  // namespace

std::string mounted_message(const mounts::Mount& mount) {
  return kMountedMessage + fmt::format("{} {} {}", mount.id.number, mount.id.unique, mount.device);
}

Watched watch_daemon(int socket, const GuardianHost& host) {
  std::optional<mounts::Mount> told;
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
