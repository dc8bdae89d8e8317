// `scratchfs mount`: everything up to the fork; daemon.h does the rest.
#include "mount/commands/commands.h"
#include "mount/commands/set.h"
#include "mount/control/live_options.h"
#include "mount/daemon/daemon.h"
#include "mount/daemon/prepare.h"
#include "mount/daemon/supervisor.h"
#include "mount/process/daemonize.h"
#include "mount/process/progress.h"
#include "mount/process/sd_notify.h"

namespace scratchfs::mount {

namespace {

// Like prepare(), but shows progress: a slow disk or another mount in progress on the same
// directory can make it wait.
Outcome<DaemonSetup> prepare_visibly(const MountCommand& command) {
  const Progress progress("preparing the mount");
  return prepare(command);
}

}  // namespace

int run(const MountCommand& command) {
  if (asks_for_remount(command.option_lists)) {
    const auto changed = remount(command.mountpoint, command.option_lists);
    return changed ? kFine : complain(changed.error());
  }
  if (!command.foreground && !command.debug) close_inherited_descriptors();
  auto setup = prepare_visibly(command);
  if (!setup) return complain(setup.error());
  if (setup->supervise && setup->foreground && ServiceManager::from_environment().listens()) {
    return complain(
        usage("--supervise: leave it to the service manager that started this: "
              "Restart=on-failure in its unit"));
  }
  return launch(setup->foreground, [&](const ReportReady& ready) {
    return setup->supervise ? supervise(*setup, ready) : run_daemon(*setup, ready);
  });
}

}  // namespace scratchfs::mount
