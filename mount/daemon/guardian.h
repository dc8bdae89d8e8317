// A small process that outlives the daemon by a moment: when the daemon dies without a word (kill
// -9, a crash, out of memory), it detaches the mount, which would else answer "Transport endpoint
// is not connected" for ever.
#pragma once

#include <sys/types.h>
#include <string>

#include "fs/mounts/own_mount.h"
#include "mount/process/refusal.h"
#include "mount/process/sd_notify.h"

namespace scratchfs::mount {

struct GuardianDuties {
  bool remove_mountpoint = false;  // where the daemon died, also remove the empty directory
  ServiceManager manager = {};     // to be told WATCHDOG=1 for as long as the mount answers
};

// The daemon's end. The guardian notices the daemon's death by the end of their socket; its own
// death harms nobody.
class Guardian {
 public:
  // Forks, so call it before there is any thread. The guardian has a session of its own (^C does
  // not reach it), keeps no descriptor of the caller's and ignores every signal that asks it to
  // end.
  static Outcome<Guardian> start(const std::string& mountpoint, const GuardianDuties& duties = {});
  // The parent of this process is the guardian (supervisor.h); it holds the other end of `socket`.
  static Guardian parent(int socket);
  Guardian(Guardian&& other) noexcept;
  Guardian& operator=(Guardian&& other) noexcept;
  ~Guardian();  // without dismiss(): as if the daemon had died

  // The mount is there now: the guardian takes note which one it is.
  void mounted(const mounts::Mount& mount);
  void answers();  // and it answers
  // The mount is gone as it should be: the guardian touches nothing and ends, if it is the parent
  // when this process has. Else this returns when it has ended.
  void dismiss();
  // The mount is the guardian's to take away, as if this process had died; it has when this
  // returns.
  void leave_mount();
  pid_t pid() const { return pid_; }
  // Another daemon follows if this one dies.
  bool supervises() const { return is_parent_; }

 private:
  Guardian(int socket, pid_t pid, bool is_parent)
      : socket_(socket), pid_(pid), is_parent_(is_parent) {}
  void tell(const std::string& message);

  int socket_;  // SOCK_SEQPACKET: messages as in guardian_watch.h
  pid_t pid_;
  bool is_parent_;
};

}  // namespace scratchfs::mount
