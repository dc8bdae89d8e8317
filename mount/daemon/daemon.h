// The process that serves a mount, from its first thread to its last.
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

// All that the daemon needs to know; made by the command, before anything is mounted.
struct DaemonSetup {
  MountPlan plan;
  std::string mountpoint;                              // absolute
  base::Descriptor place{-1};                          // that directory; until it is mounted on
  MountpointLock lock;                                 // let go of when the mount answers
  std::string spill_path;                              // empty: never spills
  std::unique_ptr<base::OsDirectory> spill_directory;  // taken by the daemon; null: never spills
  std::string quota_file;                              // absolute; empty: none
  QuotaFile quotas;                                    // what it says now
  std::string subuid_file;                             // absolute; empty: none
  SubordinateIds subordinate_ids;                      // what that says now
  std::string log_level;
  bool foreground = false;
  bool supervise = false;          // supervisor.h is to run it
  bool remove_mountpoint = false;  // once nothing is mounted there any more, however that came
  // Who is there already, and has started logging; nothing: the daemon starts one of its own.
  std::optional<Guardian> guardian = std::nullopt;
};

// Mounts, calls `ready` when the mount answers, serves until it is unmounted or a signal ends it,
// and leaves nothing behind. The exit code: kFailed where the mount or the serving failed, or
// (debug builds) what is counted and held does not add up.
int run_daemon(DaemonSetup& setup, const Ready& ready);

}  // namespace scratchfs::mount
