// The checks before mounting, so that a mistake gets one clear line and leaves nothing behind.
#pragma once

#include <sys/types.h>
#include <memory>
#include <string>
#include <vector>

#include "fs/base/descriptor.h"
#include "fs/base/os_file.h"
#include "fs/mounts/mount.h"
#include "mount/daemon/mountpoint_lock.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

// The system files that the checks read; tests pass their own.
struct HostFiles {
  std::string fuse_device = "/dev/fuse";
  std::string fuse_configuration = "/etc/fuse.conf";
  std::string mount_table = mounts::kMountInfo;
};

struct Mountpoint {
  std::string path;            // absolute, without symbolic links
  base::Descriptor directory;  // that directory (O_PATH), even if the path changes
  MountpointLock lock;         // keeps what the checks found true until the mount is made
};
// Opens the directory at `path` (O_PATH), which may be relative or a symbolic link. Refused if it
// is missing.
Outcome<base::Descriptor> open_mountpoint(const std::string& path);
// Checks the directory `directory`, opened by open_mountpoint(); `given` is the user's name for it.
// Refused if it is not a directory, the user cannot write to it, a scratchfs is mounted there, or
// /proc is missing; and, unless `nonempty`, if it is not empty or another file system is mounted
// there. Opens nothing in an automounter's mount point: that would wait for the very mount that is
// being made.
Outcome<Mountpoint> check_mountpoint(const std::string& given, base::Descriptor directory,
                                     bool nonempty, const HostFiles& host = {});

// Checks that the kernel has FUSE and the user may open its device. Users of fusermount3(1) need
// that too, since it opens the device with its caller's permissions.
Outcome<void> check_fuse(const HostFiles& host = {});

// Checks that the user may share a mount with others: root always may, other users only if
// /etc/fuse.conf contains `user_allow_other`.
Outcome<void> check_sharing(bool allow_other, uid_t uid, const HostFiles& host = {});

struct SpillPlace {
  std::unique_ptr<base::OsDirectory> directory;
  std::string path;        // absolute
  std::uint64_t free = 0;  // bytes
  std::vector<std::string> warnings;
};
// Opens the spill directory. Refused if it is missing, not a directory, not writable, or on a
// scratchfs. Warns if it is on a file system in memory.
Outcome<SpillPlace> open_spill_directory(const std::string& path, const HostFiles& host = {});

}  // namespace scratchfs::mount
