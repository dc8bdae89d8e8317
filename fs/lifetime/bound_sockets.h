// Which sockets on the mount some process has bound.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_set>

#include "fs/base/result.h"

namespace scratchfs::tree {

// The low 32 bits of the inodes' numbers: more the kernel does not tell.
using BoundInodes = std::unordered_set<std::uint32_t>;
using BoundSockets = std::function<base::Result<BoundInodes>()>;

// Asks the kernel for all unix sockets that are bound on the file system with this number
// (sock_diag(7)): those of the network namespace of the caller, whoever owns them. Takes about a
// microsecond for each socket of the machine. EOPNOTSUPP where the kernel has no unix_diag.
base::Result<BoundInodes> bound_sockets(dev_t device);

}  // namespace scratchfs::tree
