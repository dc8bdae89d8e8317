// A command that is run on somebody's behalf: signals are passed on to it, and its end is passed
// back.
#pragma once

#include <signal.h>

#include <string>
#include <vector>

namespace scratchfs::mount {

// Holds back the signals that run_job() passes on, from before there is anything that they could
// leave behind. In a process without threads.
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

// Runs the command (looked for along PATH) and returns its exit code; 128 + signal where it died of
// one; kNotFound or kNotExecutable, with a line on stderr, where it could not be started.
//
// A signal that the terminal sends to everybody in the foreground (^C, ^\, ^Z) the command has got
// already; any other is passed on. When the command stops, so does this process, and the command
// goes on when this process does: what a shell wants of a job. If this process is killed with -9,
// the command gets SIGTERM.
int run_job(const std::vector<std::string>& words, const SignalBlock& signals);

}  // namespace scratchfs::mount
