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
  statfs,
  setxattr,
  getxattr,
  listxattr,
  removexattr,
  fallocate,
  lseek,
  copy_file_range,
  ioctl,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Opcode::ioctl) + 1>
    kOpcodeNames = {"LOOKUP",      "FORGET",    "GETATTR",  "STATX",
                    "SETATTR",     "READLINK",  "MKNOD",    "MKDIR",
                    "UNLINK",      "RMDIR",     "SYMLINK",  "RENAME",
                    "LINK",        "OPEN",      "CREATE",   "TMPFILE",
                    "READ",        "WRITE",     "FLUSH",    "RELEASE",
                    "FSYNC",       "OPENDIR",   "READDIR",  "READDIRPLUS",
                    "STATFS",      "SETXATTR",  "GETXATTR", "LISTXATTR",
                    "REMOVEXATTR", "FALLOCATE", "LSEEK",    "COPY_FILE_RANGE",
                    "IOCTL"};
static_assert(kOpcodeNames.back() == "IOCTL");

constexpr std::string_view name_of(Opcode opcode) {
  return kOpcodeNames[static_cast<std::size_t>(opcode)];
}

}  // namespace scratchfs::kernel
