// Mount options that the kernel itself implements for every file system: ro, noexec, noatime, ...
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fs/tree/types.h"

namespace scratchfs::mount {

// MS_ bits of mount(2).
using KernelFlags = unsigned long;

// Whether `word` sets or clears such a flag, or names the default.
bool is_kernel_flag(std::string_view word);
// Sets or clears the flag that `word` names. REQUIRES: is_kernel_flag(word).
void apply_kernel_flag(std::string_view word, KernelFlags& flags);
// Returns the words that set these flags.
std::vector<std::string> words_of(KernelFlags flags);

// Converts the f_flag of statvfs(3), which does not report dirsync.
KernelFlags flags_of_statvfs(unsigned long flags);

// Returns how the daemon must update access times, which FUSE leaves to it.
tree::AccessTimes access_times(KernelFlags flags);

}  // namespace scratchfs::mount
