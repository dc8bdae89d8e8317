#include "mount/guardian.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "mount/guardian_watch.h"
#include "mount/process_name.h"
#include "mount/unmounting.h"

namespace scratchfs::mount {

namespace {

constexpr const char* kName = "scratchfs-guard";
constexpr int kSocket = 3;  // where the guardian keeps its end

void ignore_signals() {
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU}) {
    ::signal(signal, SIG_IGN);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Nothing of the caller's may stay open: a pipe's end would keep its reader waiting, a directory
// its file system busy.
void keep_only(int socket) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  if (socket != kSocket) ::dup3(socket, kSocket, O_CLOEXEC);
  ::close_range(kSocket + 1, ~0U, 0);
  if (::chdir("/") != 0) ::_exit(kFailed);
}

bool detach_and_log(const std::string& mountpoint) {
  const auto detached = unmount(mountpoint, Detach::at_once);
  if (detached) {
    ::syslog(LOG_ERR, "%s: the daemon died unexpectedly; the mount has been detached",
             mountpoint.c_str());
  } else {
    ::syslog(LOG_ERR, "%s", detached.error().message.c_str());
  }
  return static_cast<bool>(detached);
}

[[noreturn]] void be_guardian(int socket, const std::string& mountpoint) {
  ::setsid();
  ignore_signals();
  keep_only(socket);
  name_process(kName, mountpoint);
  ::openlog(kName, LOG_PID, LOG_DAEMON);
  const pid_t self = ::getpid();
  if (::send(kSocket, &self, sizeof self, MSG_NOSIGNAL) != sizeof self) ::_exit(kFailed);
  const GuardianHost host{[] { return read_mount_table(); }, detach_and_log};
  watch_daemon(kSocket, mountpoint, host);
  ::_exit(kFine);
}

// The child between is gone at once, so that the guardian's parent is init and its end leaves no
// zombie here.
[[noreturn]] void fork_again(int socket, const std::string& mountpoint) {
  const pid_t guardian = ::fork();
  if (guardian == 0) be_guardian(socket, mountpoint);
  ::_exit(guardian < 0 ? kFailed : kFine);
}

}  // namespace

Outcome<Guardian> Guardian::start(const std::string& mountpoint) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return failed("the mount's guardian", errno);
  }
  Guardian guardian(ends[0], -1);
  const pid_t child = ::fork();
  if (child == 0) fork_again(ends[1], mountpoint);
  const int error = errno;
  ::close(ends[1]);
  if (child < 0) return failed("the mount's guardian", error);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (::recv(ends[0], &guardian.pid_, sizeof guardian.pid_, 0) != sizeof guardian.pid_) {
    return failed("the mount's guardian: it did not start");
  }
  return guardian;
}

Guardian::Guardian(Guardian&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), pid_(std::exchange(other.pid_, -1)) {}

Guardian& Guardian::operator=(Guardian&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(pid_, other.pid_);
  return *this;
}

Guardian::~Guardian() {
  if (socket_ >= 0) ::close(socket_);
}

void Guardian::tell(char message) {
  // A guardian that was killed is no reason to fail: the mount works without it.
  (void)::send(socket_, &message, 1, MSG_NOSIGNAL);
}

void Guardian::mounted() { tell(kMountedMessage); }

void Guardian::dismiss() { tell(kDismissMessage); }

}  // namespace scratchfs::mount
