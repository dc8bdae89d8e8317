// Converts the tree's types to libfuse's.
#pragma once

#include "fs/kernel/handlers/context.h"
#include "fs/kernel/transport/replies.h"
#include "fs/tree/types.h"

namespace scratchfs::kernel {

// Cache timeout of entries and attributes, in seconds. All changes are made by this kernel or are
// announced to it, so its caches stay valid. Only a name that a close can remove gets no timeout
// and is looked up each time.
inline constexpr double kLong = 24 * 60 * 60;

struct stat to_stat(const tree::Attributes& attributes);
Attr to_attr(const tree::Attributes& attributes);
StatxAttr to_statx(const tree::Attributes& attributes);
fuse_entry_param to_entry(const tree::Attributes& attributes, bool may_vanish);

// An Undo::Function: drops a lookup count of the inode. `object` is the tree.
void take_back_lookup(void* object, tree::InodeId inode, std::uint64_t handle);
// Builds the reply for a found inode; its undo drops the lookup count if the kernel does not take
// it.
EntryReply to_entry(Context& context, const tree::Found& found);
// Fills in how the kernel must treat this handle (direct I/O, page cache, FLUSH).
fuse_file_info to_file(const fuse_file_info& asked, const tree::Opened& opened);

}  // namespace scratchfs::kernel
