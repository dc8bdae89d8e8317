#include "mount/daemon/supervisor.h"

#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "fs/base/child_process.h"
#include "fs/base/log.h"
#include "fs/mounts/mount_point.h"
#include "fs/mounts/unmounting.h"
#include "mount/daemon/guardian_watch.h"
#include "mount/daemon/prepare.h"
#include "mount/daemon/restart_limit.h"
#include "mount/process/logging.h"
#include "mount/process/process_name.h"
#include "mount/process/signals.h"

namespace scratchfs::mount {

namespace {

using Clock = std::chrono::steady_clock;
// The pause after a daemon that failed to start: what it lacks may come back.
constexpr std::chrono::milliseconds kRestartPause{1000};

// How one daemon ended.
struct Life {
  Watched end = Watched::lost;
  int status = W_EXITCODE(kFailed, 0);    // as from waitpid(2)
  std::optional<Clock::duration> served;  // since the mount answered; nullopt: it never did
  Clock::time_point ended;                // when its end was noticed
};

int exit_code_of(const Life& life) {
  return WIFEXITED(life.status) ? WEXITSTATUS(life.status) : kFailed;
}

std::string cause_of_death(const Life& life) {
  if (!WIFSIGNALED(life.status)) return fmt::format("exit code {}", exit_code_of(life));
  const char* text = ::sigdescr_np(WTERMSIG(life.status));
  return fmt::format("signal {}: {}", WTERMSIG(life.status), text != nullptr ? text : "unknown");
}

class Supervisor {
 public:
  // `directory` is what every daemon mounts on; not owned.
  // REQUIRES: block_signals() has been called.
  Supervisor(const base::Descriptor& directory, bool foreground)
      : directory_(directory),
        foreground_(foreground),
        signals_(open_signals(SFD_CLOEXEC | SFD_NONBLOCK)) {}

  // Returns the current path of the directory, which may have been moved.
  std::string whereabouts() const;
  // Runs one daemon: calls `serve` in a child process, which exits with its result, and `on_answer`
  // in this process when the mount answers. Returns when the daemon has ended.
  Life live(const std::function<int(Guardian)>& serve, const std::function<void()>& on_answer);
  // Decides whether to start another daemon after this one, and logs the decision. Pauses first if
  // the daemon failed to start.
  bool goes_on_after(const Life& life);

 private:
  [[noreturn]] void be_daemon(base::Descriptor socket, pid_t parent,
                              const std::function<int(Guardian)>& serve);
  Life watch(const base::Descriptor& socket, mounts::MountTable before,
             const std::function<void()>& on_answer);
  void take_signal();
  bool is_asked_to_end(std::chrono::milliseconds timeout);

  const base::Descriptor& directory_;
  const bool foreground_;
  base::Descriptor signals_;  // signalfd(2)
  pid_t daemon_ = -1;
  bool ending_ = false;
  RestartLimit limit_;
};

std::string Supervisor::whereabouts() const {
  const auto path = mounts::whereabouts(directory_);
  return path ? *path : "the mount point";
}

void Supervisor::take_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  if (info.ssi_signo != SIGHUP) ending_ = true;
  // A signal from the terminal (SI_KERNEL) reaches the daemon by itself.
  if (info.ssi_code != SI_KERNEL && daemon_ > 0) ::kill(daemon_, static_cast<int>(info.ssi_signo));
}

bool Supervisor::is_asked_to_end(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    take_signal();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (ending_ || left.count() <= 0) return ending_;
    pollfd waited{signals_.get(), POLLIN, 0};
    ::poll(&waited, 1, static_cast<int>(left.count()));
  }
}

void Supervisor::be_daemon(base::Descriptor socket, pid_t parent,
                           const std::function<int(Guardian)>& serve) {
  signals_ = base::Descriptor();
  // A user who kills the foreground process wants the mount to end.
  if (foreground_) ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  if (::getppid() != parent) std::exit(kFailed);
  std::exit(serve(Guardian::parent(std::move(socket))));
}

Life Supervisor::live(const std::function<int(Guardian)>& serve,
                      const std::function<void()>& on_answer) {
  auto ends = base::socket_pair(SOCK_SEQPACKET);
  if (!ends) {
    report(failed("the mount's supervisor", ends.error().value()));
    return {};
  }
  auto& [ours, daemons] = *ends;
  mounts::MountTable before = mounts::read_mount_table();
  const pid_t self = ::getpid();
  daemon_ = ::fork();
  if (daemon_ == 0) {
    ours = base::Descriptor();
    be_daemon(std::move(daemons), self, serve);
  }
  if (daemon_ < 0) {
    report(failed_to_start("the daemon", errno));
    return {};
  }
  daemons = base::Descriptor();
  name_process(kGuardianName, whereabouts());
  return watch(ours, std::move(before), on_answer);
}

// Watches over the daemon until it has ended.
Life Supervisor::watch(const base::Descriptor& socket, mounts::MountTable before,
                       const std::function<void()>& on_answer) {
  Life life;
  std::optional<Clock::time_point> answered;
  const GuardianHost host{.detach =
                              [](const mounts::Mount& mount) {
                                const auto detached = mounts::unmount(mount, mounts::Detach::dead);
                                if (!detached) log::error("{}", detached.error().message);
                                return static_cast<bool>(detached);
                              },
                          .whereabouts = [this] { return whereabouts(); },
                          .before = std::move(before),
                          .on_answer =
                              [&] {
                                answered = Clock::now();
                                on_answer();
                              },
                          .signals = signals_.get(),
                          .on_signal = [this] { take_signal(); }};
  life.end = watch_daemon(socket.get(), host);
  life.ended = Clock::now();
  if (answered) life.served = life.ended - *answered;
  if (const auto status = base::wait_for_end(daemon_)) life.status = *status;
  daemon_ = -1;
  return life;
}

bool Supervisor::goes_on_after(const Life& life) {
  const std::string died =
      fmt::format("{}: the daemon {} ({})", whereabouts(), life.served ? "died" : "did not come up",
                  cause_of_death(life));
  if (life.end == Watched::left) {
    log::error("{}; its mount was no longer visible there, so no other is started", died);
    return false;
  }
  if (!limit_.allows_another(life.served)) {
    log::error(
        "{}; {} daemons in a row ended within {} seconds each: giving up; nothing is mounted there "
        "now, mount again when the cause is known",
        died, RestartLimit::kMost, RestartLimit::kLongEnough.count());
    return false;
  }
  log::error("{}; {}", died, life.served ? "its files are gone, another follows" : "trying again");
  return !is_asked_to_end(life.served ? std::chrono::milliseconds(0) : kRestartPause);
}

// Runs a daemon in the forked child, whose copies of `setup` and `directory` it uses up.
int serve(DaemonSetup& setup, base::Descriptor& directory, Guardian guardian,
          const ReportReady& ready) {
  if (auto prepared = prepare_again(setup, std::move(directory)); !prepared)
    return report(prepared.error());
  setup.guardian = std::move(guardian);
  return run_daemon(setup, ready);
}

// Mounts even if the directory is no longer empty: files that a user wrote to it while nothing was
// mounted must not prevent the restart.
int serve_again(DaemonSetup& setup, base::Descriptor& directory, Guardian guardian) {
  restore_name();
  if (const auto now = mounts::whereabouts(directory); now && *now != setup.mountpoint) {
    log::warn("{}: the directory lies at {} by now, and is mounted on there", setup.mountpoint,
              *now);
  }
  std::error_code error;
  if (!std::filesystem::is_empty(mounts::path_through(directory), error) && !error) {
    log::warn("{}: the mount hides what the directory holds already", setup.mountpoint);
    setup.nonempty = true;
  }
  return serve(setup, directory, std::move(guardian), [] { return true; });
}

}  // namespace

int supervise(DaemonSetup& setup, const ReportReady& ready) {
  block_signals();
  ::signal(SIGCHLD, SIG_DFL);  // with SIG_IGN the kernel would discard the child's exit code
  start_logging(setup.foreground, setup.log_level);
  // Each daemon opens its own, and releases them when it ends.
  setup.spill_directory.reset();
  setup.lock.release();
  base::Descriptor directory = std::move(setup.directory);
  Supervisor supervisor(directory, setup.foreground);
  const auto serve_first = [&](Guardian guardian) {
    return serve(setup, directory, std::move(guardian), ready);
  };
  Life life = supervisor.live(serve_first, [&] {
    leave_terminal();
    // The daemon has reported to the caller already; this releases the caller's descriptors that
    // this process holds.
    (void)ready();
  });
  if (!life.served) {
    if (!WIFSIGNALED(life.status)) return exit_code_of(life);
    return complain(failed("the daemon died before the mount answered: " + cause_of_death(life)));
  }
  while (life.end != Watched::dismissed) {
    if (!supervisor.goes_on_after(life)) return kFailed;
    const auto serve_next = [&](Guardian guardian) {
      return serve_again(setup, directory, std::move(guardian));
    };
    life = supervisor.live(serve_next, [&, died = life.ended] {
      const auto away = std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - died);
      log::info("{}: serves again after {} ms", supervisor.whereabouts(), away.count());
    });
  }
  return exit_code_of(life);
}

}  // namespace scratchfs::mount
