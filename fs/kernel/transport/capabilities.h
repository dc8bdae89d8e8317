// What is asked of the kernel at INIT.
#pragma once

#include "fs/kernel/transport/fuse.h"

namespace scratchfs::kernel {

// Bytes of data in one request, either way.
inline constexpr unsigned kMaxWrite = 1U << 20;

// Asynchronous requests (read-ahead, AIO) under way before the kernel holds the next back; its own
// 12 keeps a disk idle, and those that wait for the spill disk must not keep others back.
inline constexpr unsigned kMaxBackground = 512;

// Sets what is wanted of what `connection` is capable of; docs/transport.md has the table.
void choose_capabilities(fuse_conn_info& connection);

}  // namespace scratchfs::kernel
