// The possible replies to a request. A handler's operation returns one of these types, or a
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

// Reverts what a reply promises (a lookup count, a handle). Runs if the kernel did not take the
// reply: on /dev/fuse, when the caller is gone or the connection is aborted. A plain function
// pointer, so that a reply allocates nothing.
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

struct Done {};       // success without data
struct IoctlDone {};  // success of an ioctl(2)
struct NoReply {};    // FORGET: the kernel expects no reply

struct EntryReply {
  fuse_entry_param entry{};
  Undo undo;
};
struct CreatedReply {
  fuse_entry_param entry{};
  fuse_file_info file{};
  Undo undo;
};
struct OpenedReply {
  fuse_file_info file{};
  Undo undo;
};
struct Attr {
  struct stat stat {};
  double timeout = 0;  // how long the kernel may cache them, in seconds
};
// Only STATX carries the birth time.
struct StatxAttr {
  struct statx statx {};
  double timeout = 0;
};
// Bytes written or copied.
struct Written {
  std::size_t count = 0;
};
// Refers to memory that stays valid until the reply is sent, such as Request::reply_buffer().
struct Bytes {
  std::span<const std::byte> bytes;
};
// A symlink target, an xattr value or a list of xattr names.
struct Text {
  std::string text;
};
// The size of an xattr or of the list of names, for a call with size 0.
struct XattrSize {
  std::size_t size = 0;
};
struct Statfs {
  struct statvfs statvfs {};
};
struct Offset {
  off_t offset = 0;
};
// The entries that fuse_add_direntry(_plus) has put into reply_buffer(). `undo` runs once for each
// id in `looked_up`.
struct DirectoryReply {
  std::span<const std::byte> entries;
  std::vector<tree::InodeId> looked_up;
  Undo undo;
};

}  // namespace scratchfs::kernel
