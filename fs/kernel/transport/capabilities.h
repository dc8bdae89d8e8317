// What is asked of the kernel at INIT.
#pragma once

#include <string_view>
#include "fs/kernel/transport/fuse.h"

namespace scratchfs::kernel {

// Bytes of data in one request, either way.
inline constexpr unsigned kMaxWrite = 1U << 20;

// Asynchronous requests (read-ahead, AIO) under way before the kernel holds the next back; its own
// 12 keeps a disk idle, and those that wait for the spill disk must not keep others back.
inline constexpr unsigned kMaxBackground = 512;

// Sets what is wanted of what `connection` is capable of; docs/transport.md has the table.
void choose_capabilities(fuse_conn_info& connection);

// After choose_capabilities(): whether handles may bypass the page cache of the kernel, which is of
// `release` (uname(2)). They may where such a file can still be mapped, and where a write does not
// leave a stale page under a mapping.
bool may_bypass_page_cache(fuse_conn_info& connection, std::string_view release);

}  // namespace scratchfs::kernel
