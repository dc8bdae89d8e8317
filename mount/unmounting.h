// Taking a mount away: umount2(2) where that is allowed, else fusermount3(1), which is setuid root.
#pragma once

#include <string>

#include "mount/refusal.h"

namespace scratchfs::mount {

enum class Detach : bool {
  when_unused,  // EBUSY while anything is open there
  at_once,      // out of sight now, gone when nothing uses it any more (umount -l)
};

// `mountpoint` as the mount table has it. Refused: busy, not mounted, not the caller's.
Outcome<void> unmount(const std::string& mountpoint, Detach detach);

}  // namespace scratchfs::mount
