// Swap: finds unencrypted swap space, and locks the process's memory to keep it out of swap.
#pragma once

#include <string>
#include <vector>

#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Returns the active swap devices and files that are neither encrypted (dm-crypt at any level of
// the device stack) nor in memory (zram without a backing device). `root` is the directory that
// contains /proc, /sys and the swap files; tests pass one of their own.
std::vector<std::string> plaintext_swap(const std::string& root = "");

// Locks this process's present and future memory (mlockall(2)), each page when it is first touched.
// Refused without CAP_IPC_LOCK if the memory exceeds RLIMIT_MEMLOCK.
Outcome<void> lock_all_memory();

}  // namespace scratchfs::mount
