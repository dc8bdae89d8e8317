#include "mount/process/daemonize.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

#include "fs/base/child_process.h"
#include "mount/process/progress.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

namespace {

void null_stream(int stream, int flags) {
  const int null = ::open("/dev/null", flags | O_CLOEXEC);
  if (null < 0) return;
  ::dup2(null, stream);
  if (null != stream) ::close(null);
}

// The daemon's end of the pipe, if it closes every other descriptor.
constexpr int kPipe = STDERR_FILENO + 1;

int keep_only(int pipe) {
  if (pipe != kPipe) ::dup3(pipe, kPipe, O_CLOEXEC);
  ::close_range(kPipe + 1, ~0U, 0);
  return kPipe;
}

int run_child(const Daemon& daemon, int pipe, Descriptors inherited) {
  ::setsid();
  if (inherited == Descriptors::close_all) pipe = keep_only(pipe);
  if (::chdir("/") != 0) return complain(failed("/", errno));
  null_stream(STDIN_FILENO, O_RDONLY);
  // The parent may have been interrupted: writing to the pipe must fail with EPIPE, not kill.
  std::signal(SIGPIPE, SIG_IGN);
  return daemon([pipe] {
    const char fine = 0;
    const bool heard = ::write(pipe, &fine, 1) == 1;
    ::close(pipe);
    null_stream(STDOUT_FILENO, O_WRONLY);
    null_stream(STDERR_FILENO, O_WRONLY);
    return heard;
  });
}

// Waits for the daemon to report that it is ready; returns false if it has ended without that.
bool wait_until_ready(const base::Descriptor& pipe) {
  const Progress progress("waiting for the mount to answer");
  char fine = 0;
  ssize_t got = 0;
  do {
    got = ::read(pipe.get(), &fine, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1;
}

int exit_code_of(pid_t child) {
  const auto status = base::wait_for_end(child);
  if (!status) return complain(failed("the daemon", status.error().value()));
  if (WIFSIGNALED(*status)) {
    return complain(failed("the daemon died before the mount answered: signal " +
                           std::to_string(WTERMSIG(*status))));
  }
  const int code = WEXITSTATUS(*status);
  return code != kFine ? code : complain(failed("the mount was ended before it answered"));
}

}  // namespace

Launched launch_in_background(const Daemon& daemon, Descriptors inherited) {
  auto pipe = base::make_pipe();
  if (!pipe) return {complain(failed("pipe", pipe.error().value())), -1};
  auto& [ours, daemons] = *pipe;
  const pid_t child = ::fork();
  if (child < 0) return {complain(failed_to_start("the daemon", errno)), -1};
  if (child == 0) {
    ours = base::Descriptor();
    std::exit(run_child(daemon, daemons.release(), inherited));
  }
  daemons = base::Descriptor();
  return {wait_until_ready(ours) ? kFine : exit_code_of(child), child};
}

int launch(bool foreground, const Daemon& daemon) {
  if (foreground) return daemon([] { return true; });
  return launch_in_background(daemon, Descriptors::keep).exit_code;
}

void close_inherited_descriptors() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0) {
      // open(2) returns the lowest free number, which is this stream's.
      if (::open("/dev/null", O_RDWR) < 0)
        continue;  // NOLINT(android-cloexec-open): a standard stream
    }
  }
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
}

}  // namespace scratchfs::mount
