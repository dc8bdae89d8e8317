// Lists the unix sockets that are bound on the mount.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_set>

#include "fs/base/result.h"

namespace scratchfs::lifetime {

// The low 32 bits of the sockets' inode numbers; the kernel reports no more.
using BoundInodes = std::unordered_set<std::uint32_t>;
using BoundSockets = std::function<base::Result<BoundInodes>()>;

// Dumps all unix sockets that are bound on the file system `device` (sock_diag(7)): those of the
// caller's network namespace, whoever owns them. Takes about a microsecond for each socket of the
// machine. Returns EOPNOTSUPP if the kernel has no unix_diag.
base::Result<BoundInodes> bound_sockets(dev_t device);

}  // namespace scratchfs::lifetime
