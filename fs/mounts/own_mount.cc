#include "fs/mounts/own_mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "fs/base/child_process.h"
#include "fs/mounts/mount_info.h"
#include "fs/mounts/mount_point.h"

namespace scratchfs::kernel {

namespace {

// Looks at a path that somebody may be moving about all the time: each finds it with a chance.
constexpr int kLooks = 200;

struct MountLine {
  MountIdentity identity;
  std::string path;
  bool operator==(const MountLine&) const = default;
};

std::vector<MountLine> lines_of(std::string_view mountinfo) {
  std::vector<MountLine> lines;
  for (base::MountLine& line : base::parse_mount_info(mountinfo)) {
    lines.push_back({{.id = line.id, .device = line.device, .kind = line.type + ' ' + line.source},
                     std::move(line.path)});
  }
  return lines;
}

bool is_listed_as(const MountIdentity& mount, const MountIdentity& listed) {
  return mount.id == listed.id && mount.device == listed.device && mount.kind == listed.kind;
}

// What is in the second text and was not in the first.
std::vector<MountLine> lines_since(std::string_view before, std::string_view mountinfo) {
  std::map<int, MountLine> old;
  for (MountLine& line : lines_of(before)) old[line.identity.id] = std::move(line);
  auto lines = lines_of(mountinfo);
  // With the path: what another mount leaves free meanwhile may be this one's numbers.
  std::erase_if(lines, [&](const MountLine& line) {
    const auto same = old.find(line.identity.id);
    return same != old.end() && same->second == line;
  });
  return lines;
}

// Which one it really is that is seen at `path` under that number; nothing: it is not, at present.
std::optional<base::MountNumber> number_at(const std::string& path, int id) {
  const auto root = base::open_mount(path, {.id = id});
  return root ? base::mount_number(*root) : std::nullopt;
}

// 0, or the errno of what kept it from running; its own failure is EIO.
int run_fusermount(const std::string& path) {
  const char* const arguments[] = {"fusermount3", "-u", "-q", "-z", "--", path.c_str(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, arguments[0], nullptr, nullptr,
                                 const_cast<char* const*>(arguments), environ);
  if (error != 0) return error;
  const auto status = base::wait_for_end(pid);
  if (!status) return status.error().value();
  return WIFEXITED(*status) && WEXITSTATUS(*status) == 0 ? 0 : EIO;
}

}  // namespace

MountIdentity topmost_mount(std::string_view mountinfo, std::string_view path) {
  MountIdentity topmost;
  for (const MountLine& line : lines_of(mountinfo)) {
    if (line.path == path) topmost = line.identity;
  }
  return topmost;
}

std::string path_of_mount(std::string_view mountinfo, const MountIdentity& mount) {
  const auto lines = lines_of(mountinfo);
  const auto line = std::ranges::find_if(
      lines, [&](const MountLine& other) { return is_listed_as(mount, other.identity); });
  if (line == lines.end()) return {};
  return is_listed_as(mount, topmost_mount(mountinfo, line->path)) ? line->path : std::string();
}

MountIdentity mount_since(std::string_view before, std::string_view mountinfo,
                          std::string_view path) {
  MountIdentity found;
  for (const MountLine& line : lines_since(before, mountinfo)) {
    if (line.path == path) found = line.identity;
  }
  return found;
}

OwnMount::OwnMount(const std::string& path)
    : identity_(topmost_mount(base::read_mount_info(), path)) {
  if (const auto number = number_at(path, identity_.id)) identity_.unique = number->unique;
}

OwnMount OwnMount::over(const base::Descriptor& place, std::string_view before) {
  OwnMount mount;
  for (int look = 0; look < kLooks; ++look) {
    const auto path = base::whereabouts(place);
    if (!path) break;
    const std::string now = base::read_mount_info();
    if (lines_since(before, now).empty()) return {};
    mount.identity_ = mount_since(before, now, *path);
    if (const auto number = number_at(*path, mount.identity_.id)) {
      mount.identity_.unique = number->unique;
      break;
    }
  }
  return mount;
}

std::string OwnMount::path() const {
  std::string where;
  for (int look = 0; look < kLooks && identity_.id >= 0; ++look) {
    where = path_of_mount(base::read_mount_info(), identity_);
    if (where.empty()) break;
    const auto number = number_at(where, identity_.id);
    if (number) return number->can_be(identity_.number()) ? where : std::string();
  }
  return where;  // it is there, wherever its path leads
}

base::Result<void, base::Failure> OwnMount::detach() {
  std::string where;
  int error = 0;
  for (int look = 0; look < kLooks; ++look) {
    const std::string before = std::exchange(where, path());
    if (where.empty()) return {};
    const bool moves = error == ESTALE || error == ENOENT || error == ENOTDIR;
    if (error != 0 && !moves && where == before) break;
    const auto unmounted = base::unmount(where, identity_.number(), MNT_DETACH);
    if (unmounted) return {};
    error = unmounted.error().value();
    if (error == EPERM) error = run_fusermount(where);
    if (error == 0) return {};
  }
  const char* why = error == ESTALE ? "its path leads elsewhere" : strerror(error);
  return base::Failure{fmt::format("cannot unmount {}: {}", where, why)};
}

}  // namespace scratchfs::kernel
