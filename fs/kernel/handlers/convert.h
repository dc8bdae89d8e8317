// The tree's words in libfuse's.
#pragma once

#include "fs/kernel/handlers/context.h"
#include "fs/kernel/transport/replies.h"
#include "fs/tree/types.h"

namespace scratchfs::kernel {

// Seconds that the kernel may use an answer for. Every change comes through this kernel or is told
// to it, so what it remembers stays true; only names that a close can remove must be asked about
// each time.
inline constexpr double kLong = 24 * 60 * 60;

struct stat to_stat(const tree::Attributes& attributes);
Attr to_attr(const tree::Attributes& attributes);
StatxAttr to_statx(const tree::Attributes& attributes);
fuse_entry_param to_entry(const tree::Attributes& attributes, bool may_vanish);

// A found object as a reply that takes the look-up back where the kernel is gone.
Entry to_entry(Context& context, const tree::Found& found);
// An open file: how the kernel is to use this handle.
fuse_file_info to_file(const fuse_file_info& asked, const tree::Opened& opened);

}  // namespace scratchfs::kernel
