// Mount points by descriptor: the owner of a directory above a mount point can put another
// directory in its place between any two looks at the path.
#pragma once

#include <optional>
#include <string>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"
#include "fs/mounts/mount.h"

namespace scratchfs::mounts {

// A path to an open file, for calls that take no descriptor: valid in this process while the file
// is open.
std::string path_through(const base::Descriptor& file);

// Where an open file lies now, absolute and without symbolic links. The errors of readlink(2).
base::Result<std::string> whereabouts(const base::Descriptor& file);

// The mount that an open file lies on. Asks that mount nothing.
std::optional<MountId> mount_id(const base::Descriptor& file);

// The root (O_PATH) of the mount at `path` (absolute, without symbolic links), if it can be
// `mount`. Asks the mount nothing. ESTALE: something else is seen there; else the errors of
// open(2).
base::Result<base::Descriptor> open_mount(const std::string& path, const MountId& mount);

// umount2(2) with `flags` of the mount that open_mount() would find, and of nothing else. The
// errors of open_mount() and umount2(2).
base::Result<void> unmount_at(const std::string& path, const MountId& mount, int flags);

// `path` absolute and without symbolic links: realpath(3), with its errors.
base::Result<std::string> real_path(const std::string& path);

// The same for a mount point. Asks nothing of what is mounted at the path itself,
// so it works on a dead mount too. The last component need not exist. The errors of realpath(3).
base::Result<std::string> resolve_mountpoint(const std::string& path);

}  // namespace scratchfs::mounts
