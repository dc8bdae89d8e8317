// The daemon's side of the control file: who asks gets what he may see.
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

// What does not change while mounted.
struct MountFacts {
  std::string mountpoint;
  std::string source;
  uid_t owner = 0;  // who mounted
  pid_t daemon = 0;
  pid_t guardian = 0;
  bool supervised = false;  // by the guardian
  std::uint64_t pid_namespace =
      0;                   // inode of /proc/self/ns/pid: where those two numbers mean something
  std::int64_t since = 0;  // seconds since 1970
  bool shared = false;
  limits::LifetimeMode lifetime = limits::LifetimeMode::claimed;
  tree::ClaimKind claim = tree::ClaimKind::session;
  limits::CreateMode create_mode = limits::CreateMode::owner_only;
  bool private_names = false;
  bool confine = true;
  std::string spill_directory;  // empty: never spills
  bool memory_locked = false;
  std::string quota_file;                      // empty: none
  std::string subuid;                          // of subordinate ids; empty: none
  std::chrono::milliseconds spill_timeout{0};  // whole seconds
  unsigned quota_warn = 0;                     // percent of a limit; 0: never
};

// Where the numbers come from; each may be called from any thread.
struct Gauges {
  std::function<store::StoreStats()> store;
  std::function<tree::TreeStats()> tree;
  std::function<tree::Census()> census;
  std::function<kernel::SessionStats()> session;
  std::function<std::vector<kernel::Writer>()> writers;
  std::function<std::optional<std::uint64_t>()>
      spill_free;  // bytes free on the spill disk; nullopt: not known
};

// What can be turned while mounted; each may be called from any thread, one at a time.
struct Levers {
  std::function<base::Result<void>(std::uint64_t)> set_memory;  // as of store::Store
  std::function<base::Result<void>(std::uint64_t)> set_spill;
  std::function<void(tree::AccessTimes)> set_access_times;
  std::function<Machine()> machine;
};

class ControlServer {
 public:
  // The ledger is not owned and outlives the server. `each_user` is everyone's limit as the ledger
  // was made with.
  ControlServer(MountFacts facts, Gauges gauges, Levers levers, limits::Ledger& ledger,
                limits::Limits each_user);

  // A kernel::ControlHandler. Root and the mount's owner see every user's row and may set limits
  // and options; everyone else sees the whole mount's sums and his own row.
  std::string answer(const kernel::ControlRequest& request);

  // Everybody's limits, whatever was set before.
  void replace_limits(limits::Ledger::Options limits) EXCLUDES(mutex_);

 private:
  // Of a core, counting all files takes one part in so many at most.
  static constexpr int kCensusRest = 50;

  bool is_privileged(uid_t uid) const { return uid == 0 || uid == facts_.owner; }
  Json about() const;
  Json status(uid_t caller, StatusRequest::Detail detail);
  Json top(uid_t caller);
  Json quota(uid_t caller) const;
  Json rows(uid_t caller) const;
  Outcome<void> check_limited(uid_t uid) const;
  Outcome<void> set_quota(const SetQuotaRequest& request);
  // All of it, or nothing where it is refused.
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
  limits::Ledger& ledger_;
  mutable base::Mutex mutex_{base::Rank::control};
  limits::Limits each_user_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::mount
