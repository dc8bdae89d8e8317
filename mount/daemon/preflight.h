// What is looked at before anything is mounted, so that a mistake gets one clear line and leaves
// nothing behind.
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

// Where the machine is asked; tests name files of their own.
struct HostFiles {
  std::string fuse_device = "/dev/fuse";
  std::string fuse_configuration = "/etc/fuse.conf";
  std::string mount_table = mounts::kMountInfo;
};

struct Mountpoint {
  std::string path;            // absolute, without symbolic links
  base::Descriptor place{-1};  // that directory (O_PATH), whatever becomes of the path
  MountpointLock lock;         // so that what was found stays true until it is mounted on
};
// The directory (O_PATH) at `path`, which may be relative or a symbolic link. Refused: missing.
Outcome<base::Descriptor> open_mountpoint(const std::string& path);
// `place` as open_mountpoint() gives it; `given` is how the user names it. Refused: no directory,
// not empty (unless `nonempty`), a mount already (of scratchfs in any case), not writable for the
// user; without /proc. Nothing is opened below an automounter's mount point: that would wait for
// the very mount that is being made.
Outcome<Mountpoint> check_mountpoint(const std::string& given, base::Descriptor place,
                                     bool nonempty, const HostFiles& host = {});

// Whether this kernel has FUSE and lets the user have it: even fusermount3 opens the device with
// its caller's rights.
Outcome<void> check_fuse(const HostFiles& host = {});

// Root may share a mount; others need `user_allow_other` in /etc/fuse.conf.
Outcome<void> check_sharing(bool allow_other, uid_t uid, const HostFiles& host = {});

struct SpillPlace {
  std::unique_ptr<base::OsDirectory> directory;
  std::string path;        // absolute
  std::uint64_t free = 0;  // bytes
  std::vector<std::string> warnings;
};
// Refused: missing, no directory, not writable, read-only, on a scratchfs. A warning: in memory.
Outcome<SpillPlace> open_spill_directory(const std::string& path, const HostFiles& host = {});

}  // namespace scratchfs::mount
