// A command on a terminal.
#pragma once

#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/fd.h"

namespace scratchfs::harness {

// The leader of a session of its own, whose standard streams are the terminal.
class Terminal {
 public:
  // Looks along PATH.
  explicit Terminal(const std::vector<std::string>& words);

  // Waits until that was written, at most `seconds`; fails the test where it was not.
  void expect(const std::string& text, double seconds = 60);
  // Waits for the command's end; its exit code, or 128 + signal.
  int join();
  // All that was written so far, as the terminal got it.
  const std::string& text();

 private:
  Fd screen_;
  std::string text_;
  Child child_;
};

}  // namespace scratchfs::harness
