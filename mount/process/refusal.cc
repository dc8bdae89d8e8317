#include "mount/process/refusal.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "fs/base/printable.h"
#include "fs/base/thread_limit.h"

namespace scratchfs::mount {

Refusal failed(const std::string& what, int error) {
  return failed(what + ": " + std::generic_category().message(error));
}

Refusal failed_to_start(const std::string& what, int error) {
  return error == EAGAIN ? failed(what + ": " + base::kThreadLimit) : failed(what, error);
}

int complain(const Refusal& refusal) {
  const std::string line = "scratchfs: " + base::printable(refusal.message) + "\n";
  std::fputs(line.c_str(), stderr);
  return refusal.exit_code;
}

}  // namespace scratchfs::mount
