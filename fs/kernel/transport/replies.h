// The possible replies to a request. A handler's operation returns one of these types, or a
// std::variant of several. send() returns 0, or a negative errno if the kernel did not take the
// reply.
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

inline int send_bytes(fuse_req_t raw, std::span<const std::byte> bytes) {
  return fuse_reply_buf(raw, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Success without data.
struct Done {
  static int send(fuse_req_t raw) { return fuse_reply_err(raw, 0); }
};
// Success of an ioctl(2).
struct IoctlDone {
  static int send(fuse_req_t raw) { return fuse_reply_ioctl(raw, 0, nullptr, 0); }
};
// FORGET: the kernel expects no reply.
struct NoReply {
  static int send(fuse_req_t raw) {
    fuse_reply_none(raw);
    return 0;
  }
};
struct EntryReply {
  fuse_entry_param entry{};
  Undo undo;
  int send(fuse_req_t raw) const { return fuse_reply_entry(raw, &entry); }
};
struct CreatedReply {
  fuse_entry_param entry{};
  fuse_file_info file{};
  Undo undo;
  int send(fuse_req_t raw) const { return fuse_reply_create(raw, &entry, &file); }
};
struct OpenedReply {
  fuse_file_info file{};
  Undo undo;
  int send(fuse_req_t raw) const { return fuse_reply_open(raw, &file); }
};
struct Attr {
  struct stat stat {};
  double timeout = 0;  // how long the kernel may cache them, in seconds
  int send(fuse_req_t raw) const { return fuse_reply_attr(raw, &stat, timeout); }
};
// Only STATX carries the birth time.
struct StatxAttr {
  struct statx statx {};
  double timeout = 0;
  int send(fuse_req_t raw) const {
    struct statx copy = statx;  // libfuse takes a non-const pointer
    return fuse_reply_statx(raw, 0, &copy, timeout);
  }
};
// Bytes written or copied.
struct Written {
  std::size_t count = 0;
  int send(fuse_req_t raw) const { return fuse_reply_write(raw, count); }
};
// Refers to memory that stays valid until the reply is sent, such as Request::reply_buffer().
struct Bytes {
  std::span<const std::byte> bytes;
  int send(fuse_req_t raw) const { return send_bytes(raw, bytes); }
};
// A symlink target, an xattr value or a list of xattr names.
struct Text {
  std::string text;
  int send(fuse_req_t raw) const { return fuse_reply_buf(raw, text.data(), text.size()); }
};
// The size of an xattr or of the list of names, for a call with size 0.
struct XattrSize {
  std::size_t size = 0;
  int send(fuse_req_t raw) const { return fuse_reply_xattr(raw, size); }
};
struct Statfs {
  struct statvfs statvfs {};
  int send(fuse_req_t raw) const { return fuse_reply_statfs(raw, &statvfs); }
};
struct Offset {
  off_t offset = 0;
  int send(fuse_req_t raw) const { return fuse_reply_lseek(raw, offset); }
};
// The entries that fuse_add_direntry(_plus) has put into reply_buffer(). `undo` runs once for each
// id in `looked_up`.
struct DirectoryReply {
  std::span<const std::byte> entries;
  std::vector<tree::InodeId> looked_up;
  Undo undo;
  int send(fuse_req_t raw) const { return send_bytes(raw, entries); }
};

}  // namespace scratchfs::kernel
