// What a request can be answered with. A handler's operation returns one of these, or a
// std::variant of several.
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fs/kernel/transport/fuse.h"
#include "fs/tree/types.h"

namespace scratchfs::kernel {

// Takes back what a reply promises (a look-up count, a handle); called when the kernel did not take
// the reply (on /dev/fuse: the caller is gone or the connection is aborted). A plain function, so
// that a reply allocates nothing.
struct Undo {
  using Function = void (*)(void* object, tree::InodeId inode, std::uint64_t handle);
  Function function = nullptr;
  void* object = nullptr;
  tree::InodeId inode = 0;
  std::uint64_t handle = 0;

  void run() const {
    if (function != nullptr) function(object, inode, handle);
  }
};

struct Done {};       // success, and nothing more to say
struct IoctlDone {};  // the same, of an ioctl(2)
struct NoReply {};    // forget: the kernel expects none

struct Entry {
  fuse_entry_param entry{};
  Undo undo;
};
struct Created {
  fuse_entry_param entry{};
  fuse_file_info file{};
  Undo undo;
};
struct Opened {
  fuse_file_info file{};
  Undo undo;
};
struct Attr {
  struct stat stat {};
  double timeout = 0;  // seconds that the kernel may use them for
};
// STATX alone carries the birth time.
struct StatxAttr {
  struct statx statx {};
  double timeout = 0;
};
// Bytes written or copied.
struct Written {
  std::size_t count = 0;
};
// Refers to memory that lives until the operation's reply is sent: Request::reply_buffer() is made
// for that.
struct Bytes {
  std::span<const std::byte> bytes;
};
// A symlink's target, an xattr's value, a list of xattr names.
struct Text {
  std::string text;
};
// How large an xattr or the list of them is, when the caller asked with size 0.
struct XattrSize {
  std::size_t size = 0;
};
struct Statfs {
  struct statvfs statvfs {};
};
struct Offset {
  off_t offset = 0;
};
// What fuse_add_direntry(_plus) has put into reply_buffer(). `undo` runs once for each id in
// `looked_up`.
struct Directory {
  std::span<const std::byte> entries;
  std::vector<tree::InodeId> looked_up;
  Undo undo;
};

}  // namespace scratchfs::kernel
