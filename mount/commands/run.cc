// `scratchfs run`: runs one command with a scratchfs of its own.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "fs/base/child_process.h"
#include "mount/commands/commands.h"
#include "mount/daemon/daemon.h"
#include "mount/daemon/prepare.h"
#include "mount/options/mount_options.h"
#include "mount/process/daemonize.h"
#include "mount/process/job.h"
#include "mount/process/private_directory.h"
#include "mount/process/progress.h"

namespace scratchfs::mount {

namespace {

// Runs the daemon in the forked child. It restores the signal mask, and ends when the process that
// runs the command does.
int be_daemon(const MountCommand& command, pid_t parent, const SignalBlock& signals,
              const ReportReady& ready) {
  ::sigprocmask(SIG_SETMASK, &signals.before(), nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  if (::getppid() != parent) return kFailed;  // the parent died before the prctl(2)
  auto setup = prepare(command);
  if (!setup) return complain(setup.error());
  setup->remove_mountpoint = true;
  return run_daemon(*setup, ready);
}

// Ends the daemon, waits for it and returns its waitpid(2) status.
int end_daemon(pid_t daemon) {
  const Progress progress("wiping");
  ::kill(daemon, SIGTERM);
  const auto status = base::wait_for_end(daemon);
  return status ? *status : 0;
}

void set_temporary_directory(const std::string& path) {
  for (const char* name : {"TMPDIR", "TMP", "TEMP"}) {
    ::setenv(name, path.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no threads here
  }
}

}  // namespace

int run(const RunCommand& command) {
  const auto options = parse_mount_options(command.option_lists);
  if (!options) return complain(options.error());
  if (options->supervise)
    return complain(usage(
        "run: -o supervise: has no use here, since the command's files would be gone anyway"));
  auto directory = PrivateDirectory::make();
  if (!directory) {
    complain(directory.error());
    return kNotRun;
  }
  MountCommand mount;
  mount.mountpoint = directory->path();
  // Only the user of the command may use the mount, unless the options say otherwise.
  mount.option_lists = {"noallow_other"};
  mount.option_lists.insert(mount.option_lists.end(), command.option_lists.begin(),
                            command.option_lists.end());
  const pid_t self = ::getpid();
  const SignalBlock signals;
  const Launched daemon = launch_in_background(
      [&](const ReportReady& ready) { return be_daemon(mount, self, signals, ready); },
      Descriptors::close_all);
  if (daemon.exit_code != kFine) return kNotRun;
  directory->seal();
  set_temporary_directory(directory->path());
  const int exit_code = run_job(command.words, signals);
  if (const int status = end_daemon(daemon.pid); WIFSIGNALED(status))
    complain(failed("run: the mount's daemon died; what was in " + directory->path() + " is gone"));
  return exit_code;
}

}  // namespace scratchfs::mount
