// The kernel's protections of sticky directories (protected_* in
// Documentation/admin-guide/sysctl/fs.rst).
#pragma once

#include "tests/mounted/harness/fd.h"

namespace scratchfs::harness {

// Sets all four protections as distributions do, for the object's lifetime. They are machine-wide,
// so one test at a time may set them. The previous values stay in the lock file until they are
// restored, so that the next test can restore them if this one is killed.
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
