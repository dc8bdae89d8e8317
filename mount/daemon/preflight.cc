#include "mount/daemon/preflight.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string_view>
#include <utility>

#include "fs/mounts/mount_point.h"

namespace scratchfs::mount {

namespace {

using DirectoryStream = std::unique_ptr<DIR, int (*)(DIR*)>;

bool is_dot(std::string_view name) { return name == "." || name == ".."; }

Outcome<void> check_empty(const std::string& path, const base::Descriptor& directory) {
  const DirectoryStream entries(::opendir(mounts::path_through(directory).c_str()), &::closedir);
  if (!entries) return failed(path, errno);
  errno = 0;
  while (const dirent* entry =
             ::readdir(entries.get())) {  // NOLINT(concurrency-mt-unsafe): our own stream
    if (is_dot(entry->d_name)) continue;
    return failed(
        path +
        ": not empty; mount on an empty directory, or with -o nonempty to hide what is there");
  }
  if (errno != 0) return failed(path, errno);
  return {};
}

// Refuses a mount point where something is mounted. Returns true if that is an automounter
// (autofs), which waits to be covered by the mount.
Outcome<bool> check_free(const std::string& path, bool nonempty, const HostFiles& host) {
  const mounts::MountTable table = mounts::read_mount_table(host.mount_table);
  const mounts::Mount* top = mounts::topmost_at(table, path);
  if (top == nullptr) return false;
  if (top->type == "autofs") return true;
  if (top->type == mounts::kFileSystemType) {
    return failed(path + ": already a scratchfs; to end that one: scratchfs umount " + path);
  }
  if (nonempty) return false;
  return failed(path + ": busy: a " + top->type +
                " is mounted there; unmount it, or mount over it with -o nonempty");
}

Outcome<void> check_directory(const std::string& path, const base::Descriptor& directory) {
  struct stat status {};
  if (::fstat(directory.get(), &status) != 0) return failed("mount point " + path, errno);
  if (!S_ISDIR(status.st_mode)) {
    return failed(path + ": not a directory; mount on an empty directory");
  }
  // Root may mount on a directory it cannot write to, for example on a read-only root file system.
  if (::geteuid() != 0 && ::access(mounts::path_through(directory).c_str(), W_OK) != 0) {
    return failed(path + ": you may not write there, so you may not mount there");
  }
  return {};
}

bool allows_others(const std::string& configuration) {
  std::ifstream file(configuration);
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t first = line.find_first_not_of(" \t");
    const std::size_t last = line.find_last_not_of(" \t\r");
    if (first != std::string::npos && line.substr(first, last - first + 1) == "user_allow_other") {
      return true;
    }
  }
  return false;
}

// Returns the type of the file system with the given device number; empty if unknown.
std::string type_of_device(dev_t device, const HostFiles& host) {
  const std::string name =
      std::to_string(gnu_dev_major(device)) + ":" + std::to_string(gnu_dev_minor(device));
  for (const mounts::Mount& entry : mounts::read_mount_table(host.mount_table)) {
    if (entry.device == name) return entry.type;
  }
  return {};
}

Refusal spill_refusal(const std::string& what, int error) {
  Refusal refusal = failed(what, error);
  refusal.message += "; name another directory with spill_dir=, or do without: spill=0";
  return refusal;
}

}  // namespace

Outcome<base::Descriptor> open_mountpoint(const std::string& path) {
  const auto resolved = mounts::resolve_mountpoint(path);
  if (!resolved) return failed("mount point " + path, resolved.error().value());
  // O_PATH neither triggers an automounter nor sends a request to a file system mounted there.
  base::Descriptor directory(::open(resolved->c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (directory.valid()) return directory;
  const int error = errno;
  Refusal refusal = failed("mount point " + path, error);
  if (error == ENOENT) refusal.message += "; make it with mkdir";
  return refusal;
}

Outcome<Mountpoint> check_mountpoint(const std::string& given, base::Descriptor directory,
                                     bool nonempty, const HostFiles& host) {
  auto now = mounts::whereabouts(directory);
  if (!now) {
    return failed(
        "/proc: not mounted; scratchfs reads mounts and processes from it: "
        "mount -t proc proc /proc");
  }
  Mountpoint mountpoint{.path = std::move(*now), .directory = std::move(directory), .lock = {}};
  // Reads the mount table first: accessing the directory could hang or fail if a mount is there.
  const auto automount = check_free(mountpoint.path, nonempty, host);
  if (!automount) return automount.error();
  if (*automount) return mountpoint;
  if (auto fit = check_directory(given, mountpoint.directory); !fit) return fit.error();
  mountpoint.lock = MountpointLock(mountpoint.directory);
  // Checks again, because the previous holder of the lock may have mounted there.
  if (auto free = check_free(mountpoint.path, nonempty, host); !free) return free.error();
  if (nonempty) return mountpoint;
  if (auto empty = check_empty(mountpoint.path, mountpoint.directory); !empty) return empty.error();
  return mountpoint;
}

Outcome<void> check_fuse(const HostFiles& host) {
  const std::string& device = host.fuse_device;
  if (base::Descriptor(::open(device.c_str(), O_RDWR | O_CLOEXEC)).valid()) return {};
  Refusal refusal = failed(device, errno);
  switch (errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      refusal.message +=
          "; this kernel or container has no FUSE: try modprobe fuse, or give the container "
          "--device " +
          device;
      break;
    case EACCES:
      refusal.message += "; ordinary users may mount only where root has done chmod 666 " + device;
      break;
    case EPERM:
      refusal.message += "; the container must be allowed to use it: --device " + device;
      break;
    default:
      break;
  }
  return refusal;
}

Outcome<void> check_sharing(bool allow_other, uid_t uid, const HostFiles& host) {
  if (!allow_other || uid == 0 || allows_others(host.fuse_configuration)) return {};
  return failed("-o allow_other: only root may, unless " + host.fuse_configuration +
                " says user_allow_other; leave it out for a mount of your own");
}

Outcome<SpillPlace> open_spill_directory(const std::string& path, const HostFiles& host) {
  const std::string what = "spill directory " + path;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return spill_refusal(what, errno);
  }
  if (S_ISDIR(status.st_mode) && type_of_device(status.st_dev, host) == mounts::kFileSystemType) {
    return failed(what +
                  ": lies on a scratchfs, which cannot spill into itself; name another directory "
                  "with spill_dir=");
  }
  auto directory = base::open_directory(path);
  if (!directory) {
    return spill_refusal(what + ": cannot hold files", directory.error().value());
  }
  const auto absolute = mounts::real_path(path);
  SpillPlace place{std::move(*directory), absolute ? *absolute : path, 0, {}};
  const auto free = place.directory->free_bytes();
  if (!free) return failed(what, free.error().value());
  place.free = *free;
  const auto in_memory = place.directory->in_memory();
  if (in_memory && *in_memory) {
    place.warnings.push_back(
        what +
        ": lies in memory itself, so spilling there frees none; name a directory on a "
        "disk with spill_dir=");
  }
  return place;
}

}  // namespace scratchfs::mount
