// What LOOKUP, OPEN, READ and WRITE do on the control file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "fs/kernel/handlers/call.h"

namespace scratchfs::kernel {

EntryReply control_entry(Context& context);
base::Result<OpenedReply> open_control(const Call& call, const fuse_file_info& asked);
base::Result<Bytes> read_control(const Call& call, std::uint64_t handle, std::size_t size,
                                 std::uint64_t offset);
// Rejects writeback of a shared mapping (FUSE_WRITE_CACHE), which comes with uid 0 instead of the
// writer's. Mapping the control file cannot be forbidden where direct files can be mapped.
base::Result<Written> write_control(const Call& call, std::uint64_t handle, bool is_mapped,
                                    std::span<const std::byte> data);

}  // namespace scratchfs::kernel
