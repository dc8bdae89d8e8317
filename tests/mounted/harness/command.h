// Runs programs to completion.
#pragma once

#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"

namespace scratchfs::harness {

struct Finished {
  int code = -1;  // exit code, or 128 + signal
  std::string out;
  std::string err;
};

struct RunSettings {
  Who who;
  std::string directory;                 // "": the caller's
  std::vector<std::string> environment;  // NAME=value, added to the caller's
  double seconds = 60;  // time limit; beyond it the program is killed and the test fails
};

// Replaces the process by a program found along PATH, as execvp(3). For forked children.
[[noreturn]] void become(const std::vector<std::string>& words);

// Runs a program found along PATH. A background process that keeps the output open does not delay
// the return.
Finished run(const std::vector<std::string>& words, const RunSettings& settings = {});
// The same for a script run with `bash -c`.
Finished shell(const std::string& script, const RunSettings& settings = {});

}  // namespace scratchfs::harness
