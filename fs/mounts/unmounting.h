// Taking a mount away: umount2(2) where that is allowed, else fusermount3(1), which is setuid root.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "fs/base/result.h"
#include "fs/mounts/mount.h"

namespace scratchfs::mounts {

// The number of tries to find a mount at a path that somebody may be moving all the time: each try
// finds it with some probability.
inline constexpr int kLooks = 200;

enum class Detach : std::uint8_t {
  when_unused,  // fails while anything is open there
  at_once,      // out of sight now, gone when nothing uses it any more (umount -l)
  dead,         // the same, and what is open there fails from now on: its daemon has died
};

// The path at which `mount` is seen now; empty: it is not mounted, or something is mounted over it.
// Reads /proc and asks the mount nothing.
std::string path_of(const Mount& mount);

// Takes `mount` away and no other, even if a directory above it is moved meanwhile. Fails where it
// is busy, not seen (path_of), or not the caller's.
base::Result<void, base::Failure> unmount(const Mount& mount, Detach detach);

// Takes away `mount` and its copies at other places (bind mounts) by calling `detach` for each
// while it is on top at its place in the table that `now` reads. Considers only the copies in
// `table`, because later mounts may have been given the same device number. Stops where `detach`
// returns false; returns whether it detached any.
bool detach_all(const MountTable& table, const Mount& mount, const std::function<MountTable()>& now,
                const std::function<bool(const Mount&)>& detach);

}  // namespace scratchfs::mounts
