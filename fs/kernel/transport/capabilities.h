// The capabilities and limits negotiated with the kernel at INIT.
#pragma once

#include <string_view>
#include "fs/kernel/transport/fuse.h"

namespace scratchfs::kernel {

// Largest data of one READ or WRITE, in bytes.
inline constexpr unsigned kMaxWrite = 1U << 20;

// Background requests (read-ahead, AIO) in flight before the kernel queues further ones. The
// kernel's default of 12 leaves a disk idle, and requests that wait for the spill disk must not
// hold up others.
inline constexpr unsigned kMaxBackground = 512;

// Selects the capabilities to use out of those that `connection` offers; docs/transport.md lists
// them.
void choose_capabilities(fuse_conn_info& connection);

// Returns whether handles may bypass the page cache of a kernel with this `release` (uname(2)): it
// must allow mappings of such files, and a write must not leave a stale page in a mapping.
// REQUIRES: choose_capabilities() has been called.
bool may_bypass_page_cache(fuse_conn_info& connection, std::string_view release);

}  // namespace scratchfs::kernel
