// The request handlers, one per opcode, with libfuse's signatures. operations.cc registers them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "fs/kernel/transport/fuse.h"

namespace scratchfs::kernel {

// names.cc
void on_lookup(fuse_req_t raw, fuse_ino_t parent, const char* name);
void on_forget(fuse_req_t raw, fuse_ino_t inode, std::uint64_t count);
void on_forget_multi(fuse_req_t raw, std::size_t count, fuse_forget_data* forgets);
void on_mknod(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode, dev_t device);
void on_mkdir(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode);
void on_symlink(fuse_req_t raw, const char* target, fuse_ino_t parent, const char* name);
void on_readlink(fuse_req_t raw, fuse_ino_t inode);
void on_link(fuse_req_t raw, fuse_ino_t inode, fuse_ino_t parent, const char* name);
void on_unlink(fuse_req_t raw, fuse_ino_t parent, const char* name);
void on_rmdir(fuse_req_t raw, fuse_ino_t parent, const char* name);
void on_rename(fuse_req_t raw, fuse_ino_t from, const char* old_name, fuse_ino_t to,
               const char* new_name, unsigned flags);

// files.cc
void on_create(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode,
               fuse_file_info* file);
void on_tmpfile(fuse_req_t raw, fuse_ino_t parent, mode_t mode, fuse_file_info* file);
void on_open(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file);
void on_flush(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file);
void on_fsync(fuse_req_t raw, fuse_ino_t inode, int datasync, fuse_file_info* file);
void on_release(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file);

// contents.cc
void on_read(fuse_req_t raw, fuse_ino_t inode, std::size_t size, off_t offset,
             fuse_file_info* file);
void on_write(fuse_req_t raw, fuse_ino_t inode, const char* data, std::size_t size, off_t offset,
              fuse_file_info* file);
void on_fallocate(fuse_req_t raw, fuse_ino_t inode, int mode, off_t offset, off_t length,
                  fuse_file_info* file);
void on_ioctl(fuse_req_t raw, fuse_ino_t inode, unsigned command, void* argument,
              fuse_file_info* file, unsigned flags, const void* data, std::size_t size,
              std::size_t room);
void on_lseek(fuse_req_t raw, fuse_ino_t inode, off_t offset, int whence, fuse_file_info* file);
void on_copy_file_range(fuse_req_t raw, fuse_ino_t from, off_t from_offset,
                        fuse_file_info* from_file, fuse_ino_t to, off_t to_offset,
                        fuse_file_info* to_file, std::size_t length, int flags);

// attributes.cc
void on_getattr(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file);
void on_statx(fuse_req_t raw, fuse_ino_t inode, int flags, int mask, fuse_file_info* file);
void on_setattr(fuse_req_t raw, fuse_ino_t inode, struct stat* wanted, int which,
                fuse_file_info* file);
void on_statfs(fuse_req_t raw, fuse_ino_t inode);

// xattrs.cc
void on_setxattr(fuse_req_t raw, fuse_ino_t inode, const char* name, const char* value,
                 std::size_t size, int flags);
void on_getxattr(fuse_req_t raw, fuse_ino_t inode, const char* name, std::size_t size);
void on_listxattr(fuse_req_t raw, fuse_ino_t inode, std::size_t size);
void on_removexattr(fuse_req_t raw, fuse_ino_t inode, const char* name);

// directories.cc
void on_opendir(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file);
void on_readdir(fuse_req_t raw, fuse_ino_t inode, std::size_t size, off_t offset,
                fuse_file_info* file);
void on_readdirplus(fuse_req_t raw, fuse_ino_t inode, std::size_t size, off_t offset,
                    fuse_file_info* file);

}  // namespace scratchfs::kernel
