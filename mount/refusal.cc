#include "mount/refusal.h"

#include <algorithm>
#include <cstdio>
#include <system_error>

namespace scratchfs::mount {

Refusal failed(const std::string& what, int error) {
  return failed(what + ": " + std::generic_category().message(error));
}

int complain(const Refusal& refusal) {
  std::string line = "scratchfs: " + refusal.message;
  // A path can hold anything, and the terminal should not have to.
  std::replace_if(
      line.begin(), line.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, '?');
  line += '\n';
  std::fputs(line.c_str(), stderr);
  return refusal.exit_code;
}

}  // namespace scratchfs::mount
