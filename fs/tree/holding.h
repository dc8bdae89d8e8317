// Which directories hold their entries: those that are claimed, kept, or in a directory that holds
// its own (Directory::holds_entries()). Only with the lifetime mode `claimed`.
#pragma once

#include <vector>

#include "fs/base/mutex.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// Whether `directory` is held, and so must hold its entries.
bool is_holding(const Inode& directory) EXCLUDES(directory.mutex);
// Whether a change of the inode's holders affects what is in it, which can be too much for a
// handler to update.
bool has_to_spread(lifetime::LifetimeMode mode, const Inode& inode);
// Updates `holds_entries` of `directory` and below, after `directory` may have lost or gained a
// holder. Returns the directories in which it changed, parents first. bad_alloc changes nothing.
std::vector<InodeRef> update_holding(const InodeRef& directory, base::Mutex& rename_mutex)
    EXCLUDES(rename_mutex);

}  // namespace scratchfs::tree
