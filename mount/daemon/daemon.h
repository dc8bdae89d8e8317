// The daemon: the process that serves a mount.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/descriptor.h"
#include "fs/base/os_file.h"
#include "mount/daemon/guardian.h"
#include "mount/daemon/mountpoint_lock.h"
#include "mount/options/mount_plan.h"
#include "mount/options/quota_file.h"
#include "mount/options/subordinate_ids.h"
#include "mount/process/daemonize.h"

namespace scratchfs::mount {

// Everything the daemon needs. prepare() makes it before anything is mounted.
struct DaemonSetup {
  MountPlan plan;
  std::vector<std::string> warnings;                   // to log, besides those of the plan
  std::string mountpoint;                              // absolute
  bool nonempty = false;                               // mount even if that directory is not empty
  base::Descriptor directory;                          // that directory; until it is mounted on
  MountpointLock lock;                                 // released when the mount answers
  std::string spill_path;                              // empty: never spills
  std::unique_ptr<base::OsDirectory> spill_directory;  // moved to the daemon; null: never spills
  std::string quota_file;                              // absolute; empty: none
  QuotaFile quotas;                                    // the contents of quota_file
  std::string subuid_file;                             // absolute; empty: none
  SubordinateIds subordinate_ids;                      // the contents of subuid_file
  std::string log_level;
  bool foreground = false;
  bool supervise = false;          // run under supervise() (supervisor.h)
  bool remove_mountpoint = false;  // remove the directory after the unmount, even after a crash
  // A guardian that runs already, in which case logging has been started too. nullopt: the daemon
  // starts one.
  std::optional<Guardian> guardian = std::nullopt;
};

// Mounts, calls `ready` when the mount answers, and serves until the mount is unmounted or a signal
// ends it; leaves nothing behind. Returns the exit code: kFailed if mounting or serving failed, or,
// in debug builds, if the audit at the end finds a difference.
int run_daemon(DaemonSetup& setup, const ReportReady& ready);

}  // namespace scratchfs::mount
