#include "mount/daemon/daemon.h"

#include <new>
#include <system_error>
#include <utility>

#include "fs/base/log.h"
#include "fs/base/thread_limit.h"
#include "fs/store/locked_memory.h"
#include "mount/daemon/mount_stack.h"
#include "mount/options/swap.h"
#include "mount/process/hardening.h"
#include "mount/process/logging.h"
#include "mount/process/signals.h"

namespace scratchfs::mount {

namespace {

int run(DaemonSetup& setup, const ReportReady& ready) {
  block_signals();
  if (!setup.guardian) start_logging(setup.foreground, setup.log_level);
  for (const auto* warnings : {&setup.plan.warnings, &setup.warnings}) {
    for (const std::string& warning : *warnings) log::warn("{}", warning);
  }
  // A daemon in the background is not the main process of a service.
  const auto manager = setup.foreground ? ServiceManager::from_environment() : ServiceManager();
  if (!setup.guardian) {
    auto guardian = Guardian::start(setup.mountpoint, {setup.remove_mountpoint, manager});
    if (!guardian) return report(guardian.error());
    setup.guardian = std::move(*guardian);
  }
  harden();
  if (const auto locked = store::install_crypto_allocator(); !locked) {
    return report(failed("locked memory for the key (ulimit -l)", locked.error().value()));
  }
  MountStack stack(setup, std::move(*setup.guardian), manager);
  stack.give_up_privileges();
  if (const auto made = stack.make(); !made) return report(made.error());
  if (setup.plan.lock_memory) {
    if (const auto locked = lock_all_memory(); !locked) return report(locked.error());
  }
  return stack.serve(ready);
}

}  // namespace

int run_daemon(DaemonSetup& setup, const ReportReady& ready) {
  try {
    return run(setup, ready);
  } catch (const std::system_error& error) {
    // Thrown by std::thread; the parts created so far have been destroyed.
    const bool limit = error.code() == std::errc::resource_unavailable_try_again;
    return report(failed(limit ? base::kThreadLimit : error.what()));
  } catch (const std::bad_alloc&) {
    return report(failed("no memory for the daemon itself (ulimit -v)"));
  }
}

}  // namespace scratchfs::mount
