// Request opcodes, for counters and log lines.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace scratchfs::kernel {

enum class Opcode : std::uint8_t {
  lookup,
  forget,
  getattr,
  statx,
  setattr,
  readlink,
  mknod,
  mkdir,
  unlink,
  rmdir,
  symlink,
  rename,
  link,
  open,
  create,
  tmpfile,
  read,
  write,
  flush,
  release,
  fsync,
  opendir,
  readdir,
  readdirplus,
  releasedir,
  fsyncdir,
  statfs,
  setxattr,
  getxattr,
  listxattr,
  removexattr,
  access,
  fallocate,
  lseek,
  copy_file_range,
  ioctl,
  other,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Opcode::other) + 1>
    kOpcodeNames = {"LOOKUP",      "FORGET",  "GETATTR",   "STATX",       "SETATTR",
                    "READLINK",    "MKNOD",   "MKDIR",     "UNLINK",      "RMDIR",
                    "SYMLINK",     "RENAME",  "LINK",      "OPEN",        "CREATE",
                    "TMPFILE",     "READ",    "WRITE",     "FLUSH",       "RELEASE",
                    "FSYNC",       "OPENDIR", "READDIR",   "READDIRPLUS", "RELEASEDIR",
                    "FSYNCDIR",    "STATFS",  "SETXATTR",  "GETXATTR",    "LISTXATTR",
                    "REMOVEXATTR", "ACCESS",  "FALLOCATE", "LSEEK",       "COPY_FILE_RANGE",
                    "IOCTL",       "OTHER"};
static_assert(kOpcodeNames.back() == "OTHER");

constexpr std::string_view name_of(Opcode opcode) {
  return kOpcodeNames[static_cast<std::size_t>(opcode)];
}

}  // namespace scratchfs::kernel
