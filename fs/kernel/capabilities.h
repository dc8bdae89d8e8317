// What is asked of the kernel at INIT.
#pragma once

#include "fs/kernel/fuse.h"

namespace scratchfs::kernel {

// Bytes of data in one request, either way.
inline constexpr unsigned kMaxWrite = 1U << 20;

// Sets what is wanted of what `connection` is capable of; docs/transport.md has the table.
void choose_capabilities(fuse_conn_info& connection);

}  // namespace scratchfs::kernel
