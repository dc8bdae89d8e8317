// Whether requests come through io_uring or through /dev/fuse.
#pragma once

#include <optional>
#include <string>

#include "fs/base/result.h"
#include "fs/kernel/transport/options.h"

namespace scratchfs::kernel {

// What the choice depends on.
struct IoUringFacts {
  enum class Parameter : std::uint8_t { missing, disabled, enabled };
  Parameter parameter = Parameter::missing;  // the kernel module's enable_uring
  int ring_error = 0;          // what io_uring_setup(2) says to this process; 0: it works
  unsigned unknown_setup = 0;  // Ring::unknown_setup() of a ring like libfuse's
  int possible_cpus = 0;       // the kernel wants a ring for each
  int configured_cpus = -1;    // libfuse makes a ring for each
  bool may_enable = false;     // this process may write the parameter
};

struct IoUringChoice {
  bool use = false;
  bool must_enable = false;  // write the parameter first
  std::string why_not;       // where `use` is false and it was wished for
};

// Pure. A Failure, with what to do about it, where it is a must (IoUring::on) and cannot be.
base::Result<IoUringChoice, base::Failure> choose_io_uring(IoUring wish, const IoUringFacts& facts);

// Asks the machine.
IoUringFacts io_uring_facts();
// Writes Y to the kernel module's parameter: for all mounts made later, until the next boot.
base::Result<void, base::Failure> enable_io_uring();

// How many CPUs a list as in /sys/devices/system/cpu/possible names ("0-3,8"); 0: not such a list.
int count_cpus(const std::string& list);

}  // namespace scratchfs::kernel
