#include "fs/kernel/handlers/operations.h"

#include <sys/utsname.h>
#include "fs/base/log.h"
#include "fs/kernel/handlers/context.h"
#include "fs/kernel/handlers/handlers.h"
#include "fs/kernel/transport/capabilities.h"
#include "fs/kernel/transport/connection.h"

namespace scratchfs::kernel {

namespace {

// libfuse calls this before the first request that opens a file.
void on_init(void* userdata, fuse_conn_info* connection) {
  Connection::negotiate(*connection);
  utsname machine{};
  uname(&machine);
  const bool direct = may_bypass_page_cache(*connection, machine.release);
  static_cast<Context*>(userdata)->tree.allow_direct_io(direct);
  if (!direct) log::debug("Linux {}: all writes go through the page cache", machine.release);
}

// Some operations are left out, so that the kernel gets ENOSYS once and handles them itself from
// then on: FSYNCDIR (there is no more durable storage), RELEASEDIR, ACCESS (the kernel checks
// permissions), GETLK, SETLK and FLOCK (locks are between processes of this kernel).
fuse_lowlevel_ops list_operations() {
  fuse_lowlevel_ops operations{};
  operations.init = on_init;
  add_attribute_handlers(operations);
  add_content_handlers(operations);
  add_control_handlers(operations);
  add_directory_handlers(operations);
  add_file_handlers(operations);
  add_name_handlers(operations);
  add_xattr_handlers(operations);
  return operations;
}

}  // namespace

const fuse_lowlevel_ops& operations() {
  static const fuse_lowlevel_ops listed = list_operations();
  return listed;
}

}  // namespace scratchfs::kernel
