// Taking a mount away: umount2(2) where that is allowed, else fusermount3(1), which is setuid root.
#pragma once

#include <cstdint>

#include "fs/mounts/mount_table.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

enum class Detach : std::uint8_t {
  when_unused,  // EBUSY while anything is open there
  at_once,      // out of sight now, gone when nothing uses it any more (umount -l)
  dead,         // the same, and what is open there fails from now on: its daemon has died
};

// That mount and no other, also where a directory above it is put elsewhere meanwhile. Refused:
// busy, not mounted (something else is to be seen there), not the caller's.
Outcome<void> unmount(const MountEntry& mount, Detach detach);

}  // namespace scratchfs::mount
