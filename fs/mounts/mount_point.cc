#include "fs/mounts/mount_point.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string_view>

namespace scratchfs::mounts {

namespace {

constexpr int kMaxLinks = 40;                // as the kernel follows
constexpr unsigned kUniqueMountId = 0x4000;  // STATX_MNT_ID_UNIQUE, which older headers lack

// A FUSE mount answers this without its daemon, but only to whom it is for; 0: it does not say, or
// the kernel knows of no such number.
std::uint64_t unique_number(const base::Descriptor& file) {
  struct statx facts {};
  constexpr int kFlags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (::statx(file.get(), "", kFlags, kUniqueMountId, &facts) != 0) return 0;
  return (facts.stx_mask & kUniqueMountId) != 0 ? facts.stx_mnt_id : 0;
}

// The entry `name` of the directory `above`.
base::Result<base::Descriptor> open_entry(const base::Descriptor& above, const std::string& name,
                                          const MountId& mount) {
  base::Descriptor seen(::openat(above.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!seen.valid()) return base::Errno(errno);
  const auto number = mount_id(seen);
  if (!number || !number->can_be(mount)) return base::Errno(ESTALE);
  return seen;
}

struct Split {
  std::string parent;
  std::string name;
};

Split split_last(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

struct Place {
  base::Descriptor above;
  std::string name;
};

base::Result<Place> open_above(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) return base::Errno(EINVAL);
  const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
  base::Descriptor above(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!above.valid()) return base::Errno(errno);
  return Place{std::move(above), path.substr(slash + 1)};
}

}  // namespace

std::string path_through(const base::Descriptor& file) {
  return "/proc/self/fd/" + std::to_string(file.get());
}

base::Result<std::string> whereabouts(const base::Descriptor& file) {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink(path_through(file).c_str(), path.data(), path.size());
  if (length < 0) return base::Errno(errno);
  return std::string(path.data(), static_cast<std::size_t>(length));
}

std::optional<MountId> mount_id(const base::Descriptor& file) {
  constexpr std::string_view kField = "mnt_id:";
  std::ifstream facts("/proc/self/fdinfo/" + std::to_string(file.get()));
  for (std::string line; std::getline(facts, line);) {
    if (!line.starts_with(kField)) continue;
    const std::size_t digits = line.find_first_not_of(" \t", kField.size());
    if (digits == std::string::npos) break;
    MountId id;
    const auto read = std::from_chars(&line[digits], line.data() + line.size(), id.number);
    if (read.ec != std::errc()) break;
    id.unique = unique_number(file);
    return id;
  }
  return std::nullopt;
}

base::Result<base::Descriptor> open_mount(const std::string& path, const MountId& mount) {
  const auto place = open_above(path);
  if (!place) return place.error();
  return open_entry(place->above, place->name, mount);
}

// The directory above is held by a descriptor while its entry is looked at and unmounted. A mount
// point cannot be renamed, so the entry stays what it is for as long as the mount is there. The
// mount itself is not held meanwhile: that would make it busy.
base::Result<void> unmount_at(const std::string& path, const MountId& mount, int flags) {
  const auto place = open_above(path);
  if (!place) return place.error();
  if (const auto seen = open_entry(place->above, place->name, mount); !seen) return seen.error();
  const std::string entry = path_through(place->above) + "/" + place->name;
  if (::umount2(entry.c_str(), flags | UMOUNT_NOFOLLOW) != 0) return base::Errno(errno);
  return {};
}

base::Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr),
                                                             &std::free);
  if (!resolved) return base::Errno(errno);
  return std::string(resolved.get());
}

base::Result<std::string> resolve_mountpoint(const std::string& path) {
  if (path.empty()) return base::Errno(ENOENT);
  std::string current = path;
  for (int links = 0; links < kMaxLinks; ++links) {
    const Split last = split_last(current);
    if (last.name.empty() || last.name == "." || last.name == "..") return real_path(current);
    auto parent = real_path(last.parent);
    if (!parent) return parent.error();
    const std::string whole = (*parent == "/" ? "" : *parent) + "/" + last.name;
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(whole.c_str(), target.data(), target.size());
    if (length <= 0) return whole;
    const std::string pointed(target.data(), static_cast<std::size_t>(length));
    current = pointed.front() == '/' ? pointed : *parent + "/" + pointed;
  }
  return base::Errno(ELOOP);
}

}  // namespace scratchfs::mounts
