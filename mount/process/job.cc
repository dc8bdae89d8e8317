#include "mount/process/job.h"

#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "mount/process/exit_codes.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

namespace {

[[noreturn]] void exec_command(const std::vector<std::string>& words, const SignalBlock& signals,
                               pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  if (::getppid() != parent) ::_exit(kNotRun);
  ::sigprocmask(SIG_SETMASK, &signals.before(), nullptr);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  const int error = errno;
  complain(failed(words[0], error));
  ::_exit(error == ENOENT ? kNotFound : kNotExecutable);
}

// Stops this process because the command has stopped; returns when this process is continued.
void stop_with(pid_t child) {
  ::raise(SIGSTOP);  // SIGTSTP is blocked and may be ignored
  ::kill(child, SIGCONT);
}

// Handles the child's state changes; returns the exit code once the command has ended.
std::optional<int> look_at(pid_t child) {
  int status = 0;
  pid_t changed = 0;
  while ((changed = ::waitpid(child, &status, WNOHANG | WUNTRACED)) != 0) {
    if (changed < 0 && errno == EINTR) continue;
    if (changed < 0) return kNotRun;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (WIFSIGNALED(status)) return kKilledBy + WTERMSIG(status);
    if (WIFSTOPPED(status)) stop_with(child);
  }
  return std::nullopt;
}

}  // namespace

SignalBlock::SignalBlock() {
  ::sigemptyset(&blocked_);
  for (const int signal :
       {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH}) {
    ::sigaddset(&blocked_, signal);
  }
  ::sigprocmask(SIG_BLOCK, &blocked_, &before_);
  ::signal(SIGCHLD, SIG_DFL);  // with SIG_IGN the kernel would discard the child's exit code
}

SignalBlock::~SignalBlock() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

int run_job(const std::vector<std::string>& words, const SignalBlock& signals) {
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) {
    complain(failed(words[0], errno));
    return kNotRun;
  }
  if (child == 0) exec_command(words, signals, self);
  while (true) {
    siginfo_t info{};
    if (::sigwaitinfo(&signals.blocked(), &info) < 0) continue;
    if (info.si_signo != SIGCHLD) {
      if (info.si_code != SI_KERNEL) ::kill(child, info.si_signo);
      continue;
    }
    if (const auto code = look_at(child)) return *code;
  }
}

}  // namespace scratchfs::mount
