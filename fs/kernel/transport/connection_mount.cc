// How a connection mounts: with mount(2) as root, otherwise through fusermount3.
#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>
#include <thread>

#include "fs/kernel/transport/connection.h"
#include "fs/kernel/transport/libfuse_log.h"
#include "fs/mounts/fusermount.h"
#include "fs/mounts/mount.h"
#include "fs/mounts/mount_point.h"

namespace scratchfs::kernel {

base::Result<void, base::Failure> Connection::mount(const std::string& mountpoint,
                                                    const base::Descriptor& directory) {
  const mounts::MountTable before = mounts::read_mount_table();
  auto mounted = geteuid() == 0 ? mount_on(directory) : mount_with_helper(mountpoint);
  if (!mounted) return base::Failure{fmt::format("{}: {}", mountpoint, mounted.error().message)};
  if (mount_.mount().id.number < 0) mount_ = mounts::OwnMount::over(directory, before);
  const auto now = mounts::whereabouts(directory);
  if (now && *now == mountpoint)
    return strict_access_times_ ? keep_strict_access_times(mountpoint)
                                : base::Result<void, base::Failure>();
  return base::Failure{
      fmt::format("{}: somebody put it elsewhere while it was being mounted on; a mount point's "
                  "parents should be root's",
                  mountpoint)};
}

// mount(2) defaults to relatime unless told otherwise, and libfuse does not pass strictatime on.
base::Result<void, base::Failure> Connection::keep_strict_access_times(
    const std::string& mountpoint) const {
  const auto root = mounts::open_mount(mountpoint, mount_.mount().id);
  mount_attr wanted{};
  wanted.attr_set = MOUNT_ATTR_STRICTATIME;
  wanted.attr_clr = MOUNT_ATTR__ATIME;
  int error = root ? 0 : root.error().value();
  if (root && mount_setattr(root->get(), "", AT_EMPTY_PATH, &wanted, sizeof wanted) != 0)
    error = errno;
  if (error == 0) return {};
  return base::Failure{fmt::format("{}: strictatime: {}", mountpoint, strerror(error))};
}

// Mounts on "." in a thread with its own working directory: mount(2) then takes that very
// directory, and the path that libfuse passes on (to utab, or to fusermount3 if mount(2) is not
// permitted) is correct.
base::Result<void, base::Failure> Connection::mount_on(const base::Descriptor& directory) {
  base::Result<void, base::Failure> mounted;
  try {
    std::thread([&] {
      try {
        const bool there = unshare(CLONE_FS) == 0 && fchdir(directory.get()) == 0;
        mounted = mount_at(there ? "." : mounts::path_through(directory));
      } catch (const std::bad_alloc&) {
        mounted = no_memory();
      }
    }).join();
  } catch (const std::system_error& error) {
    return base::Failure{fmt::format("cannot start a thread: {}", error.code().message())};
  }
  return mounted;
}

base::Result<void, base::Failure> Connection::mount_with_helper(const std::string& mountpoint) {
  auto passed = mounts::mount_with_fusermount(mountpoint, mount_options_);
  if (!passed) return passed.error();
  mount_ = mounts::OwnMount(mountpoint);  // from here on finish() unmounts it
  // libfuse takes over an existing connection this way (fuse_lowlevel.h, fuse_session_mount).
  auto taken = mount_at(fmt::format("/dev/fd/{}", passed->get()));
  if (taken) passed->release();
  return taken;
}

base::Result<void, base::Failure> Connection::mount_at(const std::string& path) {
  MessageCapture said;
  const int result = fuse_session_mount(session_, path.c_str());
  unsetenv("_FUSE_COMMFD");  // libfuse does not unset them
  unsetenv("_FUSE_COMMFD2");
  if (result != 0) return base::Failure{said.text()};
  return {};
}

}  // namespace scratchfs::kernel
