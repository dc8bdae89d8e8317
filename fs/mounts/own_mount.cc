#include "fs/mounts/own_mount.h"

#include <algorithm>
#include <optional>

#include "fs/mounts/mount_point.h"

namespace scratchfs::mounts {

namespace {

// Adds the unique id that mountinfo does not list. False: another mount, or none, is seen at its
// path.
bool complete(Mount& mount) {
  const auto root = open_mount(mount.path, {.number = mount.id.number});
  const auto id = root ? mount_id(*root) : std::nullopt;
  if (id) mount.id.unique = id->unique;
  return id.has_value();
}

}  // namespace

OwnMount::OwnMount(const std::string& path) {
  const MountTable table = read_mount_table();
  const Mount* top = topmost_at(table, path);
  if (top == nullptr) return;
  mount_ = *top;
  complete(mount_);
}

OwnMount OwnMount::over(const base::Descriptor& place, const MountTable& before) {
  OwnMount own;
  for (int look = 0; look < kLooks; ++look) {
    const auto path = whereabouts(place);
    if (!path) break;
    const MountTable now = read_mount_table();
    const bool any_new = std::ranges::any_of(
        now, [&](const Mount& mount) { return std::ranges::find(before, mount) == before.end(); });
    if (!any_new) return {};
    const Mount* newest = newest_at(now, before, *path);
    own.mount_ = newest != nullptr ? *newest : Mount{};
    if (newest != nullptr && complete(own.mount_)) break;
  }
  return own;
}

base::Result<void, base::Failure> OwnMount::detach() {
  if (!is_there()) return {};
  auto detached = unmount(mount_, Detach::at_once);
  if (!detached && !is_there()) return {};
  return detached;
}

}  // namespace scratchfs::mounts
