#include "mount/daemon/guardian.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "fs/base/child_process.h"
#include "fs/base/pids.h"
#include "fs/mounts/unmounting.h"
#include "mount/daemon/guardian_watch.h"
#include "mount/daemon/probe.h"
#include "mount/process/logging.h"
#include "mount/process/process_name.h"

namespace scratchfs::mount {

namespace {

constexpr int kSocket = 3;  // the guardian's end of the socket
// Do not block on the service manager: the daemon may die meanwhile, and the next WATCHDOG=1
// follows soon.
constexpr std::chrono::milliseconds kNoWait{0};

void ignore_signals() {
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU}) {
    ::signal(signal, SIG_IGN);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Closes every descriptor of the caller's: the end of a pipe would keep its reader waiting, a
// directory its file system busy.
void keep_only(int socket) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  if (socket != kSocket) ::dup3(socket, kSocket, O_CLOEXEC);
  ::close_range(kSocket + 1, ~0U, 0);
  if (::chdir("/") != 0) ::_exit(kFailed);
}

void log_error(const std::string& text) { error_to_syslog(kGuardianName, text); }

bool detach_and_log(const mounts::Mount& mount) {
  const auto detached = mounts::unmount(mount, mounts::Detach::dead);
  if (detached) {
    log_error(mount.path + ": the daemon died unexpectedly; the mount has been detached");
  } else {
    log_error(detached.error().message);
  }
  return static_cast<bool>(detached);
}

// Once per period sends WATCHDOG=1 if the mount answers. A mount that hangs blocks the probe, so
// that nothing is sent. A mount that is no longer visible (after a lazy unmount) cannot be probed,
// and counts as healthy.
GuardianHost make_host(const std::string& mountpoint, const ServiceManager& manager) {
  GuardianHost host{.detach = detach_and_log,
                    .whereabouts = [&] { return mountpoint; },
                    .before = mounts::read_mount_table(),
                    .period = manager.watchdog()};
  host.each_period = [&](const mounts::Mount* mount) {
    if (mount == nullptr || answers_everywhere(mount->path, mount->id))
      manager.tell("WATCHDOG=1", kNoWait);
  };
  return host;
}

[[noreturn]] void be_guardian(int socket, const std::string& mountpoint,
                              const GuardianDuties& duties) {
  ::setsid();
  ignore_signals();
  keep_only(socket);
  name_process(kGuardianName, mountpoint);
  const GuardianHost host = make_host(mountpoint, duties.manager);
  const char ready = 1;
  if (::send(kSocket, &ready, 1, MSG_NOSIGNAL) != 1) ::_exit(kFailed);
  watch_daemon(kSocket, host);
  if (duties.remove_mountpoint) ::rmdir(mountpoint.c_str());
  ::_exit(kFine);
}

// Milliseconds to wait for a dismissed guardian to end: one that is stopped (SIGSTOP) must not
// block the daemon.
constexpr int kEndTimeout = 2000;

// Waits for the child to end, and reaps it: the process that would inherit the zombie may be slow
// to do so.
void await_end(pid_t child) {
  const base::Descriptor process(base::open_pidfd(child));
  if (!process.valid()) return;
  pollfd waited{process.get(), POLLIN, 0};
  while (::poll(&waited, 1, kEndTimeout) < 0 && errno == EINTR) continue;
  ::waitpid(child, nullptr, WNOHANG);
}

}  // namespace

Outcome<Guardian> Guardian::start(const std::string& mountpoint, const GuardianDuties& duties) {
  auto ends = base::socket_pair(SOCK_SEQPACKET);
  if (!ends) return failed("the mount's guardian", ends.error().value());
  auto& [ours, guardians] = *ends;
  const pid_t pid = ::fork();
  if (pid == 0) be_guardian(guardians.get(), mountpoint, duties);
  if (pid < 0) return failed_to_start("the mount's guardian", errno);
  guardians = base::Descriptor();
  char ready = 0;
  if (::recv(ours.get(), &ready, 1, 0) != 1)
    return failed("the mount's guardian: it did not start");
  return Guardian(std::move(ours), pid, false);
}

void Guardian::tell(const std::string& message) {
  // An error means that the guardian was killed; the mount works without it.
  (void)::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
}

void Guardian::tell_mounted(const mounts::Mount& mount) { tell(mounted_message(mount)); }

void Guardian::tell_answering() { tell({kAnswersMessage}); }

void Guardian::dismiss() {
  tell({kDismissMessage});
  if (!is_parent_) await_end(pid_);
}

void Guardian::leave_mount() {
  socket_ = base::Descriptor();
  if (!is_parent_) await_end(pid_);
}

}  // namespace scratchfs::mount
