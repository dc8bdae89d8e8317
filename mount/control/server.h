// Server side of the control protocol: the daemon answers each caller with what they may see.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/kernel/session.h"
#include "fs/lifetime/claim_kind.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "fs/tree/tree.h"
#include "mount/control/protocol.h"
#include "mount/control/status_json.h"
#include "mount/control/writer_names.h"
#include "mount/options/machine.h"
#include "mount/options/mount_plan.h"

namespace scratchfs::mount {

// Facts about the mount that do not change while it is mounted.
struct MountFacts {
  std::string mountpoint;
  std::string source;
  uid_t owner = 0;  // the user who mounted
  pid_t daemon = 0;
  pid_t guardian = 0;
  bool supervised = false;  // by the guardian
  // Inode number of /proc/self/ns/pid, the pid namespace of `daemon` and `guardian`.
  std::uint64_t pid_namespace = 0;
  std::int64_t since = 0;  // seconds since 1970
  bool shared = false;
  lifetime::LifetimeMode lifetime = lifetime::LifetimeMode::claimed;
  lifetime::ClaimKind claim = lifetime::ClaimKind::session;
  tree::CreateMode create_mode = tree::CreateMode::owner_only;
  bool private_names = false;
  bool confine = true;
  std::string spill_directory;  // empty: never spills
  bool memory_locked = false;
  std::string quota_file;                      // empty: none
  std::string subuid;                          // the file of subordinate ids; empty: none
  std::chrono::milliseconds spill_timeout{0};  // in whole seconds
  unsigned quota_warn = 0;                     // percentage of a limit at which to warn; 0: never
};

// The sources of the numbers in a status. Each function may be called from any thread.
struct Gauges {
  std::function<store::StoreStats()> store;
  std::function<tree::TreeStats()> tree;
  std::function<tree::Census()> census;
  std::function<kernel::SessionStats()> session;
  std::function<std::vector<kernel::Writer>()> writers;
  // Bytes free on the spill disk; nullopt: unknown.
  std::function<std::optional<std::uint64_t>()> spill_free;
};

// What can be changed while mounted. Each function may be called from any thread, but only one at a
// time.
struct Levers {
  std::function<base::Result<void>(std::uint64_t)> set_memory;  // as in store::Store
  std::function<base::Result<void>(std::uint64_t)> set_spill;
  std::function<void(tree::AccessTimes)> set_access_times;
  std::function<Machine()> machine;
};

class ControlServer {
 public:
  // Does not own the ledger, which must outlive the server. `each_user` is everyone's limit, with
  // which the ledger was created.
  ControlServer(MountFacts facts, Gauges gauges, Levers levers, quota::Ledger& ledger,
                quota::Limits each_user);

  // Answers a request; this is a kernel::ControlHandler. Root and the mount's owner see every
  // user's row and may change limits and options; other users see the mount's totals and their own
  // row.
  std::string answer(const kernel::ControlRequest& request);

  // Replaces the limits of all users, including those that were set while mounted.
  void replace_limits(quota::Ledger::Options limits) EXCLUDES(mutex_);

 private:
  // Counting all files takes at most 1/kCensusRest of a core's time.
  static constexpr int kCensusRest = 50;

  bool is_privileged(uid_t uid) const { return uid == 0 || uid == facts_.owner; }
  Json about() const;
  Json status(uid_t caller, StatusRequest::Detail detail);
  Json top(uid_t caller);
  Json quota(uid_t caller) const;
  Json rows(uid_t caller) const;
  Outcome<void> check_limited(uid_t uid) const;
  Outcome<void> set_quota(const SetQuotaRequest& request);
  // Makes all the changes, or none if one is refused.
  Outcome<void> set(const SetRequest& request);
  Outcome<MountPlan> plan_of(const SetRequest& request, const store::StoreStats& now) const
      REQUIRES(mutex_);
  Outcome<void> set_sizes(const SetRequest& request, const MountPlan& plan,
                          const store::StoreStats& now) REQUIRES(mutex_);

  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  const MountFacts facts_;
  const Gauges gauges_;
  const Levers levers_;
  SharedCensus census_;
  WriterNames writer_names_;
  quota::Ledger& ledger_;
  mutable base::Mutex mutex_{base::Rank::control};
  quota::Limits each_user_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::mount
