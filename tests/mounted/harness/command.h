// Programs run to their end.
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
  double seconds = 60;                   // then it is killed and the test fails
};

// exec(3) along PATH, for a process that was forked.
[[noreturn]] void become(const std::vector<std::string>& words);

// Looks along PATH. A background process that keeps the output open does not hold this up.
Finished run(const std::vector<std::string>& words, const RunSettings& settings = {});
// The same through `bash -c`.
Finished shell(const std::string& script, const RunSettings& settings = {});

}  // namespace scratchfs::harness
