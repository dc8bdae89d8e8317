// The process behind a request.
#pragma once

#include <sys/types.h>

namespace scratchfs::base {

// As the kernel reports it with each request.
struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;  // a thread's id; 0: not visible from the daemon's pid namespace
  mode_t umask = 0;
};

}  // namespace scratchfs::base
