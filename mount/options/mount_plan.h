// Turns the mount options into the options of each part of the daemon.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <vector>

#include "fs/kernel/session.h"
#include "fs/lifetime/claim_kind.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "fs/tree/tree.h"
#include "mount/options/machine.h"
#include "mount/options/mount_options.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

// The default limit on inodes: one per kMemoryPerInode bytes of the memory budget, but at least
// kLeastInodes.
inline constexpr std::uint64_t kLeastInodes = 65536;
inline constexpr std::uint64_t kMemoryPerInode = 2048;
// The limit on open handles, computed in the same way.
inline constexpr std::uint64_t kLeastHandles = 32768;
inline constexpr std::uint64_t kMemoryPerHandle = 4096;

struct MountPlan {
  store::StoreOptions store;      // except for the spill directory
  quota::Ledger::Options ledger;  // except for the limits in the quota file
  std::uint64_t quota_whole = 0;  // bytes; percentages in quotas are of this
  tree::TreeOptions tree;
  lifetime::ClaimKind claim = lifetime::ClaimKind::session;
  kernel::SessionOptions session;
  bool lock_memory = false;
  bool confine = true;
  std::vector<std::string> warnings;  // lines to log
};

// The environment of a mount: the machine and the user who mounts.
struct Surroundings {
  Machine machine;
  std::vector<std::string> plaintext_swap = {};
  std::uint64_t spill_free = 0;  // bytes free in the spill directory; 0 if nothing may spill
  uid_t uid = 0;
  gid_t gid = 0;
};

// Whether the mount may spill at all; otherwise it needs no spill directory.
bool wants_spill(const MountOptions& options);

// Whether other users may use the mount that `uid` makes: what the options say, or else whether
// `uid` is root.
bool is_shared(const MountOptions& options, uid_t uid);

// Converts percentages to bytes and checks the sizes against the machine. Refuses a memory budget
// above the machine's memory or below store::kMinBudget (but raises a percentage to that where the
// machine has as much), and strictatime for users other than root.
Outcome<MountPlan> make_plan(const MountOptions& options, const Surroundings& surroundings);

}  // namespace scratchfs::mount
