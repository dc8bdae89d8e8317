// Which permission bits a new object gets.
#pragma once

#include <sys/types.h>
#include <cstdint>

namespace scratchfs::limits {

// -o create_mode=: private | 0600 | posix
enum class CreateMode : std::uint8_t { owner_only, exactly_0600, posix };

// The mode (type and permission bits, inode(7)) of a new object that was asked for with `requested`
// (the type bits and the caller's permission bits) under `umask`. In the first two modes group,
// other, setuid, setgid and sticky are never set: regular files get 0600 (owner_only: plus the
// owner's x if asked for), directories 0700, FIFOs, sockets and devices 0600; symlinks are always
// 0777 as symlink(7) says.
mode_t creation_mode(CreateMode policy, mode_t requested, mode_t umask);

}  // namespace scratchfs::limits
