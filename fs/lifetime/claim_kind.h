// The kinds of claimants (-o claim=).
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <memory>
#include <vector>

#include "fs/base/result.h"
#include "fs/lifetime/claimant.h"

namespace scratchfs::lifetime {

enum class ClaimKind : std::uint8_t { session, process, cgroup, user };

// Makes the claimants of a kind. `own` lists the daemon's processes, which hold nothing. Fails if
// the machine does not support the kind: cgroup needs a mounted cgroup v2 hierarchy.
base::Result<std::unique_ptr<ClaimantKind>, base::Failure> make_claimants(ClaimKind kind,
                                                                          std::vector<pid_t> own);

}  // namespace scratchfs::lifetime
