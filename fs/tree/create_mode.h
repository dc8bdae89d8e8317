// Chooses the permission bits of new objects.
#pragma once

#include <sys/types.h>
#include <cstdint>

namespace scratchfs::tree {

// -o create_mode=: private | 0600 | posix
enum class CreateMode : std::uint8_t { owner_only, exactly_0600, posix };

// Returns the mode (type and permission bits, inode(7)) of a new object. `requested` has the type
// bits and the permission bits that the caller asks for; `umask` is the caller's. owner_only and
// exactly_0600 never set bits of group and others, nor setuid, setgid or sticky: regular files get
// 0600 (with owner_only the owner's x if requested), directories 0700, FIFOs, sockets and devices
// 0600. Symlinks are always 0777, as symlink(7) says.
mode_t creation_mode(CreateMode policy, mode_t requested, mode_t umask);

}  // namespace scratchfs::tree
