// What the daemon of root's mount gives up before it serves anybody.
#pragma once

#include "fs/base/os_file.h"

namespace scratchfs::mount {

// What is still to be done that takes more than a user may do.
struct Duties {
  bool lock_memory = false;                      // of what is yet to be allocated
  base::OsDirectory* spill_directory = nullptr;  // where files are to be made; null: nowhere
};

// Whether this process mounts and unmounts by itself: root, with CAP_SYS_ADMIN in effect. Others
// need fusermount3(1), which is setuid root, and so may give up nothing.
bool needs_no_helper();

// Keeps of all capabilities (capabilities(7))
//  - CAP_SYS_ADMIN: umount2(2);
//  - CAP_DAC_READ_SEARCH: the way to the mount point and the quota file, through anybody's
//    directories;
//  - CAP_IPC_LOCK, if memory is to be locked;
//  - CAP_SYS_PTRACE, where /proc hides processes without it (proc(5), hidepid);
//  - CAP_DAC_OVERRIDE, where no file can be made in the spill directory without it;
// and sets no_new_privs (prctl(2)). Threads made before keep theirs, so call it while there are
// none. Never fails as a whole: what is not allowed here is left as it is, and the log tells.
void give_up_privileges(const Duties& duties);

}  // namespace scratchfs::mount
