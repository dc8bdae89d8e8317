#include "fs/kernel/handlers/operations.h"

#include <spdlog/spdlog.h>
#include <sys/utsname.h>
#include "fs/kernel/handlers/context.h"
#include "fs/kernel/handlers/handlers.h"
#include "fs/kernel/transport/capabilities.h"
#include "fs/kernel/transport/connection.h"

namespace scratchfs::kernel {

namespace {

// libfuse calls this before the first request that opens a file.
void on_init(void* userdata, fuse_conn_info* connection) {
  Connection::initialize(*connection);
  utsname machine{};
  uname(&machine);
  const bool direct = may_bypass_page_cache(*connection, machine.release);
  static_cast<Context*>(userdata)->tree.allow_direct_io(direct);
  if (!direct) spdlog::debug("Linux {}: all writes go through the page cache", machine.release);
}

// Some operations are left out, so that the kernel gets ENOSYS once and handles them itself from
// then on: FSYNCDIR (there is no more durable storage), RELEASEDIR, ACCESS (the kernel checks
// permissions), GETLK, SETLK and FLOCK (locks are between processes of this kernel).
fuse_lowlevel_ops list_operations() {
  fuse_lowlevel_ops operations{};
  operations.init = on_init;
  operations.lookup = on_lookup;
  operations.forget = on_forget;
  operations.forget_multi = on_forget_multi;
  operations.getattr = on_getattr;
  operations.statx = on_statx;
  operations.setattr = on_setattr;
  operations.readlink = on_readlink;
  operations.mknod = on_mknod;
  operations.mkdir = on_mkdir;
  operations.unlink = on_unlink;
  operations.rmdir = on_rmdir;
  operations.symlink = on_symlink;
  operations.rename = on_rename;
  operations.link = on_link;
  operations.open = on_open;
  operations.create = on_create;
  operations.tmpfile = on_tmpfile;
  operations.read = on_read;
  operations.write = on_write;
  operations.flush = on_flush;
  operations.fsync = on_fsync;
  operations.release = on_release;
  operations.opendir = on_opendir;
  operations.readdir = on_readdir;
  operations.readdirplus = on_readdirplus;
  operations.statfs = on_statfs;
  operations.setxattr = on_setxattr;
  operations.getxattr = on_getxattr;
  operations.listxattr = on_listxattr;
  operations.removexattr = on_removexattr;
  operations.ioctl = on_ioctl;
  operations.fallocate = on_fallocate;
  operations.lseek = on_lseek;
  operations.copy_file_range = on_copy_file_range;
  return operations;
}

}  // namespace

const fuse_lowlevel_ops& operations() {
  static const fuse_lowlevel_ops listed = list_operations();
  return listed;
}

}  // namespace scratchfs::kernel
