#include "fs/mounts/unmounting.h"

#include <fmt/core.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "fs/mounts/fusermount.h"
#include "fs/mounts/mount_point.h"

namespace scratchfs::mounts {

namespace {

int flags_of(Detach detach) {
  switch (detach) {
    case Detach::when_unused:
      return 0;
    case Detach::at_once:
      return MNT_DETACH;
    case Detach::dead:
      // The kernel ends the connection only when it has closed what the daemon had open, its rings
      // for one, and takes requests until then. Forced, it ends now.
      return MNT_DETACH | MNT_FORCE;
  }
  return 0;
}

// Another mount is at the path, or none any more: the path has changed since it was looked up.
bool has_moved(int error) {
  return error == ESTALE || error == ENOENT || error == ENOTDIR || error == EINVAL;
}

std::string why(const std::string& path, int error) {
  if (error == EBUSY) return fmt::format("{}: busy; to see who uses it: fuser -vm {}", path, path);
  return fmt::format("{}: {}", path, strerrordesc_np(error));
}

// Removes from `wanted` the last mount that is now visible at its place, and returns it. Only a
// visible mount may be passed to umount2(2), which detaches whatever is on top.
std::optional<Mount> take_next(std::vector<Mount>& wanted, const MountTable& table) {
  for (auto mount = wanted.rbegin(); mount != wanted.rend(); ++mount) {
    const Mount* now = find_visible(table, *mount);
    if (now == nullptr) continue;
    Mount next = *now;
    next.id.unique = mount->id.unique;
    wanted.erase(std::next(mount).base());
    return next;
  }
  return std::nullopt;
}

}  // namespace

std::string path_of(const Mount& mount) {
  std::string path;
  for (int look = 0; look < kLooks && mount.id.number >= 0; ++look) {
    const MountTable table = read_mount_table();
    const Mount* seen = find_visible(table, mount);
    if (seen == nullptr) return {};
    path = seen->path;
    const auto root = open_mount(path, {.number = mount.id.number});
    const auto id = root ? mount_id(*root) : std::nullopt;
    if (id) return id->can_be(mount.id) ? path : std::string();
  }
  return path;  // it is mounted, wherever its path leads
}

base::Result<void, base::Failure> unmount(const Mount& mount, Detach detach) {
  int flags = flags_of(detach);
  std::string failure = fmt::format("{}: not mounted", mount.path);
  for (int look = 0; look < kLooks; ++look) {
    const std::string path = path_of(mount);
    if (path.empty()) return base::Failure{fmt::format("{}: not mounted", mount.path)};
    auto unmounted = unmount_at(path, mount.id, flags);
    if (unmounted) return {};
    int error = unmounted.error().value();
    // Only root of the whole machine may force.
    if (error == EPERM && (flags & MNT_FORCE) != 0) {
      flags &= ~MNT_FORCE;
      continue;
    }
    if (error == EPERM) {
      auto helped = unmount_with_fusermount(path, detach != Detach::when_unused);
      if (helped) return {};
      failure = helped.error().message;
      if (path_of(mount) == path) break;
      continue;
    }
    failure = why(path, error);
    if (!has_moved(error)) break;
  }
  return base::Failure{std::move(failure)};
}

// Starts with `mount` itself if it is visible, because the unique ids of its copies are not known.
bool detach_all(const MountTable& table, const Mount& mount, const std::function<MountTable()>& now,
                const std::function<bool(const Mount&)>& detach) {
  std::vector<Mount> wanted;
  for (const Mount& entry : table) {
    const bool is_copy = entry.device == mount.device && entry.type == mount.type;
    if (is_copy && !entry.can_be(mount)) wanted.push_back(entry);
  }
  wanted.push_back(mount);
  bool detached = false;
  while (const auto next = take_next(wanted, now())) {
    if (!detach(*next)) return detached;
    detached = true;
  }
  return detached;
}

}  // namespace scratchfs::mounts
