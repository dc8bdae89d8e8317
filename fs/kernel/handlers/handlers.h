// The request handlers, one per opcode, with libfuse's signatures. Each function adds those of one
// file to the table of operations.
#pragma once

#include "fs/kernel/transport/fuse.h"

namespace scratchfs::kernel {

void add_attribute_handlers(fuse_lowlevel_ops& operations);
void add_content_handlers(fuse_lowlevel_ops& operations);
void add_control_handlers(fuse_lowlevel_ops& operations);
void add_directory_handlers(fuse_lowlevel_ops& operations);
void add_file_handlers(fuse_lowlevel_ops& operations);
void add_name_handlers(fuse_lowlevel_ops& operations);
void add_xattr_handlers(fuse_lowlevel_ops& operations);

}  // namespace scratchfs::kernel
