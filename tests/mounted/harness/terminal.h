// Runs a command on a pseudo-terminal.
#pragma once

#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/fd.h"

namespace scratchfs::harness {

// A command that leads its own session and has the terminal as its standard streams.
class Terminal {
 public:
  // Finds the command along PATH.
  explicit Terminal(const std::vector<std::string>& words);

  // Waits at most `seconds` for this output; fails the test if it does not come.
  void expect(const std::string& text, double seconds = 60);
  // Waits for the command. Returns its exit code, or 128 + signal.
  int join();
  // Returns all output so far, as the terminal received it.
  const std::string& text();

 private:
  Fd screen_;
  std::string text_;
  Child child_;
};

}  // namespace scratchfs::harness
