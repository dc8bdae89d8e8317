// The parts of a mount, from the store up to the session, in the daemon that serves it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "fs/base/memory_pressure.h"
#include "fs/base/os_file.h"
#include "fs/kernel/session.h"
#include "fs/lifetime/claim_kind.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "fs/tree/tree.h"
#include "mount/control/server.h"
#include "mount/daemon/daemon.h"
#include "mount/daemon/guardian.h"
#include "mount/process/sd_notify.h"

namespace scratchfs::mount {

// Creates the parts in the order of the members, and destroys them in reverse.
class MountStack {
 public:
  // Owns neither reference; takes the spill directory out of `setup`.
  MountStack(DaemonSetup& setup, Guardian guardian, const ServiceManager& manager)
      : setup_(setup),
        manager_(manager),
        guardian_(std::move(guardian)),
        spill_directory_(std::move(setup.spill_directory)),
        pressure_(base::system_memory_pressure()) {}

  // REQUIRES: the process has no other threads.
  void give_up_privileges();
  // Makes the parts, but does not mount.
  Outcome<void> make();
  // As run_daemon(), once make() has succeeded.
  int serve(const ReportReady& ready);

 private:
  void announce(const ReportReady& ready);
  int finish(const base::Result<void, base::Failure>& served);
  Gauges gauges();
  Levers levers();
  void watch_sockets();
  std::function<void()> on_hang_up();
  void read_quotas_again();
  void read_subuid_again();
  std::string description() const;
  bool adds_up() const;
  void confine();

  DaemonSetup& setup_;
  const ServiceManager& manager_;
  Guardian guardian_;
  bool confined_ = false;
  bool answered_ = false;                               // the mount
  std::unique_ptr<base::OsDirectory> spill_directory_;  // removes any names it made when destroyed
  std::unique_ptr<base::MemoryPressure> pressure_;      // opened before privileges are dropped
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<quota::Ledger> ledger_;
  std::unique_ptr<lifetime::ClaimantKind> claimants_;
  std::unique_ptr<tree::Tree> tree_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<kernel::Session> session_;
};

}  // namespace scratchfs::mount
