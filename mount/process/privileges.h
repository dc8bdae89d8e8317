// Drops the privileges that the daemon of a root mount does not need, before it serves requests.
#pragma once

#include "fs/base/os_file.h"

namespace scratchfs::mount {

// Work that still needs privileges.
struct Duties {
  bool lock_memory = false;                      // memory that is allocated later must be locked
  base::OsDirectory* spill_directory = nullptr;  // files will be created here; null: no spilling
};

// Whether this process can mount and unmount without fusermount3(1): it is root with an effective
// CAP_SYS_ADMIN. Any other process must not drop privileges, because no_new_privs would disable
// fusermount3, which is setuid root.
bool needs_no_helper();

// Sets no_new_privs (prctl(2)) and drops all capabilities (capabilities(7)) except
//  - CAP_SYS_ADMIN, for umount2(2);
//  - CAP_DAC_READ_SEARCH, to reach the mount point and the quota file through any user's
//    directories;
//  - CAP_IPC_LOCK, if memory must be locked;
//  - CAP_SYS_PTRACE, if /proc hides processes without it (hidepid in proc(5));
//  - CAP_DAC_OVERRIDE, if files cannot be created in the spill directory without it.
// Never fails as a whole: a step that is not permitted is skipped and logged.
// REQUIRES: the process has no other threads, since those would keep their capabilities.
void give_up_privileges(const Duties& duties);

}  // namespace scratchfs::mount
