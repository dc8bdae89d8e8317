// The credentials of the process behind a request.
#pragma once

#include <sys/types.h>

namespace scratchfs::base {

// The fields as the kernel reports them with each request.
struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;  // a thread id; 0: not visible in the daemon's pid namespace
  mode_t umask = 0;
};

}  // namespace scratchfs::base
