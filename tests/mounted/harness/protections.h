// The kernel's protections of sticky directories (Documentation/admin-guide/sysctl/fs.rst,
// protected_*).
#pragma once

#include "tests/mounted/harness/fd.h"

namespace scratchfs::harness {

// All four of them, as distributions have them, for as long as this lives. They are the whole
// machine's: one test at a time sets them, and what was before is kept in the lock's file until it
// has been put back, so that a test that was killed leaves it to the next.
class Protections {
 public:
  Protections();
  ~Protections();
  Protections(const Protections&) = delete;
  Protections& operator=(const Protections&) = delete;

 private:
  const Fd lock_;
};

}  // namespace scratchfs::harness
