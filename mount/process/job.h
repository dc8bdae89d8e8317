// Runs a command as a child: forwards signals to it and passes back its exit code.
#pragma once

#include <signal.h>

#include <string>
#include <vector>

namespace scratchfs::mount {

// Blocks the signals that run_job() forwards, and restores the previous mask when destroyed. Create
// it before anything that a signal's default action would leave behind.
// REQUIRES: the process has no other threads.
class SignalBlock {
 public:
  SignalBlock();
  ~SignalBlock();
  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;

  const sigset_t& blocked() const { return blocked_; }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t blocked_{};
  sigset_t before_{};
};

// Runs the command, searching PATH, and returns its exit code; 128 + N if signal N killed it;
// kNotFound or kNotExecutable, with a line on stderr, if it could not be started.
//
// Signals sent by another process are forwarded. Those that the terminal sends to the whole
// foreground process group (^C, ^\, ^Z) are not, since the command has received them already. When
// the command stops, this process stops too, and it continues the command when it is continued
// itself, as a shell expects of a job. If this process is killed with SIGKILL, the command gets
// SIGTERM.
int run_job(const std::vector<std::string>& words, const SignalBlock& signals);

}  // namespace scratchfs::mount
