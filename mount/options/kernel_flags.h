// Options of a mount that the kernel keeps, for every file system alike: ro, noexec, noatime, ...
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fs/tree/types.h"

namespace scratchfs::mount {

// MS_ bits of mount(2).
using KernelFlags = unsigned long;

// Whether `word` sets or takes back such a flag, or names the default.
bool is_kernel_flag(std::string_view word);
// Does so. REQUIRES: is_kernel_flag(word).
void apply_kernel_flag(std::string_view word, KernelFlags& flags);
// The words that set these flags.
std::vector<std::string> words_of(KernelFlags flags);

// From statvfs(3)'s f_flag. dirsync is not told there.
KernelFlags flags_of_statvfs(unsigned long flags);

// FUSE leaves access times to the daemon.
tree::AccessTimes access_times(KernelFlags flags);

}  // namespace scratchfs::mount
