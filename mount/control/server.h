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
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "fs/tree/tree.h"
#include "mount/control/protocol.h"
#include "mount/control/reports.h"
#include "mount/control/writer_names.h"
#include "mount/options/machine.h"
#include "mount/options/mount_plan.h"

namespace scratchfs::mount {

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
  // `facts` holds what does not change while it is mounted: About but for the uptime, and of
  // `memory` and `spill` what report_store() does not set. Does not own the ledger, which must
  // outlive the server. `everyone` is everyone's limit, with which the ledger was created.
  ControlServer(Status facts, Gauges gauges, Levers levers, quota::Ledger& ledger,
                quota::Limits everyone);

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
  std::uint64_t uptime_seconds() const;
  Status status(uid_t caller, StatusRequest::Detail detail);
  Top top(uid_t caller);
  Quota quota(uid_t caller) const;
  // The rows that `caller` may see.
  std::vector<quota::AccountRow> rows(uid_t caller) const;
  Outcome<void> check_limited(uid_t uid) const;
  Outcome<void> set_quota(const SetQuotaRequest& request);
  // Makes all the changes, or none if one is refused.
  Outcome<void> set(const SetRequest& request);
  Outcome<MountPlan> plan_of(const SetRequest& request, const store::StoreStats& now) const
      REQUIRES(mutex_);
  Outcome<void> set_sizes(const SetRequest& request, const MountPlan& plan,
                          const store::StoreStats& now) REQUIRES(mutex_);

  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  const Status facts_;
  const Gauges gauges_;
  const Levers levers_;
  SharedCensus census_;
  WriterNames writer_names_;
  quota::Ledger& ledger_;
  mutable base::Mutex mutex_{base::Rank::control};
  quota::Limits everyone_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::mount
