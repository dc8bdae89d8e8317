// From what was asked for to what each part of the daemon is made with.
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

// The least number of inodes of a mount, however little memory it has.
inline constexpr std::uint64_t kLeastInodes = 65536;
inline constexpr std::uint64_t kMemoryPerInode = 2048;
// The same of handles.
inline constexpr std::uint64_t kLeastHandles = 32768;
inline constexpr std::uint64_t kMemoryPerHandle = 4096;

struct MountPlan {
  store::StoreOptions store;       // without the directory
  limits::Ledger::Options ledger;  // without a quota file's limits
  std::uint64_t quota_whole = 0;   // bytes that a quota's percentage is of
  tree::TreeOptions tree;
  tree::ClaimKind claim = tree::ClaimKind::session;
  kernel::SessionOptions session;
  bool lock_memory = false;
  bool confine = true;
  std::vector<std::string> warnings;  // each a line for the log
};

// Who mounts, and on what.
struct Surroundings {
  Machine machine;
  std::vector<std::string> plaintext_swap = {};
  std::uint64_t spill_free = 0;  // bytes free in the spill directory; 0 where nothing may spill
  uid_t uid = 0;
  gid_t gid = 0;
};

// Whether anything may go to disk at all: only then the spill directory is needed.
bool wants_spill(const MountOptions& options);

// Who may use the mount where the options do not say.
bool is_shared(const MountOptions& options, uid_t uid);

// Turns percentages into bytes and checks them against the machine. Refused: a memory budget above
// the machine's memory or below store::kMinBudget.
Outcome<MountPlan> make_plan(const MountOptions& options, const Surroundings& surroundings);

}  // namespace scratchfs::mount
