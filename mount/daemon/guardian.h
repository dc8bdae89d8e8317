// The guardian: a small process that detaches the mount if the daemon dies unexpectedly (SIGKILL, a
// crash, out of memory). Otherwise the dead mount would stay, and every access would fail with
// ENOTCONN ("Transport endpoint is not connected").
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "fs/base/descriptor.h"
#include "fs/mounts/mount.h"
#include "mount/process/refusal.h"
#include "mount/process/sd_notify.h"

namespace scratchfs::mount {

struct GuardianDuties {
  bool remove_mountpoint = false;  // at the end also remove the directory, if it is empty
  ServiceManager manager = {};     // gets WATCHDOG=1 as long as the mount answers
};

// The daemon's handle on its guardian. They share a socket, by whose end of file the guardian
// notices the daemon's death. If the guardian itself dies, the mount goes on without it.
class Guardian {
 public:
  // Forks the guardian. It runs in a session of its own (so ^C does not reach it), keeps none of
  // the caller's descriptors and ignores all signals that ask a process to end.
  // REQUIRES: the process has no other threads.
  static Outcome<Guardian> start(const std::string& mountpoint, const GuardianDuties& duties = {});
  // Uses the parent of this process as the guardian (supervisor.h); it holds the other end of
  // `socket`.
  static Guardian parent(base::Descriptor socket) { return {std::move(socket), ::getppid(), true}; }
  // Without dismiss(), the destructor makes the guardian act as if the daemon had died.

  // Tells the guardian which mount the daemon has made.
  void tell_mounted(const mounts::Mount& mount);
  // Tells the guardian that the mount answers.
  void tell_answering();
  // Tells the guardian that the mount was unmounted in an orderly way, so that it detaches nothing.
  // Waits up to 2 s for it to end, unless it is the parent, which ends after this process.
  void dismiss();
  // Makes the guardian detach the mount, as if this process had died. Waits up to 2 s for that,
  // unless the guardian is the parent.
  void leave_mount();
  pid_t pid() const { return pid_; }
  // Whether the guardian starts another daemon if this one dies.
  bool supervises() const { return is_parent_; }

 private:
  Guardian(base::Descriptor socket, pid_t pid, bool is_parent)
      : socket_(std::move(socket)), pid_(pid), is_parent_(is_parent) {}
  void tell(const std::string& message);

  base::Descriptor socket_;  // SOCK_SEQPACKET; guardian_watch.h defines the messages
  pid_t pid_;
  bool is_parent_;
};

}  // namespace scratchfs::mount
