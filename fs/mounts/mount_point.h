// Mount points by descriptor: whoever owns a directory above one can put another in its place
// between any two looks at its path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"

namespace scratchfs::base {

// Which mount it is, of all that there are now.
struct MountNumber {
  int id = -1;               // mountinfo's (proc(5)), which the next mount gets once it is free
  std::uint64_t unique = 0;  // no mount gets it again (statx(2), Linux 6.8); 0: not known

  // False: certainly another.
  bool can_be(const MountNumber& other) const {
    return id == other.id && (unique == 0 || other.unique == 0 || unique == other.unique);
  }
};

// A path to what is open, for calls that take no descriptor: good in this process while it is open.
std::string path_through(const Descriptor& file);

// Where what is open lies now, absolute and without symbolic links; the errors of readlink(2).
Result<std::string> whereabouts(const Descriptor& file);

// The mount that what is open lies on. Asks that mount nothing.
std::optional<MountNumber> mount_number(const Descriptor& file);

// The root (O_PATH) of what is mounted at `path` (absolute, without symbolic links), if that can be
// `mount`. Asks the mount nothing. ESTALE: something else is to be seen there; else the errors of
// open(2).
Result<Descriptor> open_mount(const std::string& path, const MountNumber& mount);

// umount2(2) with `flags` of the mount that open_mount() would find, and of nothing else; its
// errors and umount2(2)'s.
Result<void> unmount(const std::string& path, const MountNumber& mount, int flags);

}  // namespace scratchfs::base
