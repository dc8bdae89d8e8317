// Where the machine may write memory to a disk that anyone can read later.
#pragma once

#include <string>
#include <vector>

#include "mount/process/refusal.h"

namespace scratchfs::mount {

// The swap devices and files in use that are neither encrypted (dm-crypt at any depth) nor memory
// themselves (zram without a backing device). `root`: where /proc, /sys and the files are looked
// for, for tests.
std::vector<std::string> plaintext_swap(const std::string& root = "");

// Keeps this process's memory, present and future, out of swap (mlockall(2), each page when it is
// touched). Refused: over RLIMIT_MEMLOCK, without CAP_IPC_LOCK.
Outcome<void> lock_all_memory();

}  // namespace scratchfs::mount
