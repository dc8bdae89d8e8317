// Decides whether requests come through io_uring or through /dev/fuse.
#pragma once

#include <cstdint>
#include <string>

#include "fs/base/result.h"
#include "fs/kernel/transport/options.h"

namespace scratchfs::kernel {

// The inputs of the decision.
struct IoUringFacts {
  enum class Parameter : std::uint8_t { missing, disabled, enabled };
  Parameter parameter = Parameter::missing;  // the kernel module's enable_uring
  int ring_error = 0;          // errno of io_uring_setup(2) in this process; 0: it works
  unsigned unknown_setup = 0;  // Ring::unknown_setup() of a ring set up as libfuse does
  int possible_cpus = 0;       // the kernel requires a ring for each
  int configured_cpus = -1;    // libfuse creates a ring for each
  bool may_enable = false;     // this process may write the parameter
};

struct IoUringChoice {
  bool use = false;
  bool must_enable = false;  // write the module parameter first
  std::string why_not;       // set if io_uring was requested and `use` is false
};

// Decides; a pure function. Fails if io_uring is required (IoUring::on) but impossible; the message
// says what to do about it.
base::Result<IoUringChoice, base::Failure> choose_io_uring(IoUring wish, const IoUringFacts& facts);

// Collects the facts from this machine.
IoUringFacts io_uring_facts();
// Writes Y to the kernel module's parameter. This affects all later mounts until the next boot.
base::Result<void, base::Failure> enable_io_uring();

// Counts the CPUs in a list like "0-3,8" (/sys/devices/system/cpu/possible); 0 if it is malformed.
int count_cpus(const std::string& list);

}  // namespace scratchfs::kernel
