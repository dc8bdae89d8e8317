#include "fs/mounts/mount_point.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <fstream>
#include <string_view>

namespace scratchfs::base {

namespace {

constexpr unsigned kUniqueMountNumber = 0x4000;  // STATX_MNT_ID_UNIQUE, which older headers lack

// A FUSE mount answers this without its daemon, but only to whom it is for; 0: it does not say, or
// the kernel knows of no such number.
std::uint64_t unique_number(const Descriptor& file) {
  struct statx facts {};
  constexpr int kFlags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (::statx(file.get(), "", kFlags, kUniqueMountNumber, &facts) != 0) return 0;
  return (facts.stx_mask & kUniqueMountNumber) != 0 ? facts.stx_mnt_id : 0;
}

// The entry `name` of the directory `above`.
Result<Descriptor> open_entry(const Descriptor& above, const std::string& name,
                              const MountNumber& mount) {
  Descriptor seen(::openat(above.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!seen.valid()) return Errno(errno);
  const auto number = mount_number(seen);
  if (!number || !number->can_be(mount)) return Errno(ESTALE);
  return seen;
}

struct Place {
  Descriptor above;
  std::string name;
};

Result<Place> open_above(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) return Errno(EINVAL);
  const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
  Descriptor above(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!above.valid()) return Errno(errno);
  return Place{std::move(above), path.substr(slash + 1)};
}

}  // namespace

std::string path_through(const Descriptor& file) {
  return "/proc/self/fd/" + std::to_string(file.get());
}

Result<std::string> whereabouts(const Descriptor& file) {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink(path_through(file).c_str(), path.data(), path.size());
  if (length < 0) return Errno(errno);
  return std::string(path.data(), static_cast<std::size_t>(length));
}

std::optional<MountNumber> mount_number(const Descriptor& file) {
  constexpr std::string_view kField = "mnt_id:";
  std::ifstream facts("/proc/self/fdinfo/" + std::to_string(file.get()));
  for (std::string line; std::getline(facts, line);) {
    if (!line.starts_with(kField)) continue;
    const std::size_t digits = line.find_first_not_of(" \t", kField.size());
    if (digits == std::string::npos) break;
    MountNumber number;
    const auto read = std::from_chars(&line[digits], line.data() + line.size(), number.id);
    if (read.ec != std::errc()) break;
    number.unique = unique_number(file);
    return number;
  }
  return std::nullopt;
}

Result<Descriptor> open_mount(const std::string& path, const MountNumber& mount) {
  const auto place = open_above(path);
  if (!place) return place.error();
  return open_entry(place->above, place->name, mount);
}

// The directory above is held by a descriptor while its entry is looked at and unmounted. A mount
// point cannot be renamed, so the entry stays what it is for as long as the mount is there. The
// mount itself is not held meanwhile: that would make it busy.
Result<void> unmount(const std::string& path, const MountNumber& mount, int flags) {
  const auto place = open_above(path);
  if (!place) return place.error();
  if (const auto seen = open_entry(place->above, place->name, mount); !seen) return seen.error();
  const std::string entry = path_through(place->above) + "/" + place->name;
  if (::umount2(entry.c_str(), flags | UMOUNT_NOFOLLOW) != 0) return Errno(errno);
  return {};
}

}  // namespace scratchfs::base
