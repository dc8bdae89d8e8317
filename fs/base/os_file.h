// The OS file calls that scratchfs makes, behind an interface that tests can make fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "fs/base/result.h"

namespace scratchfs::base {

// One open file without a name. All methods may be called by many threads at once (pread(2),
// pwrite(2)).
class OsFile {
 public:
  virtual ~OsFile() = default;
  // Reads exactly buffer.size() bytes at byte `offset`. EIO: the file ends before that; else the
  // errors of pread(2).
  virtual Result<void> read_exactly(std::span<std::byte> buffer, std::uint64_t offset) = 0;
  // Writes all of `buffer` at `offset`. Returns once the file system has reported the outcome of
  // the disk write (O_DIRECT or fdatasync(2)); durability across a power failure is not a goal.
  // Errors as pwrite(2) and fsync(2): ENOSPC, EDQUOT, EIO. A failed write may have written a part.
  virtual Result<void> write_all(std::span<const std::byte> buffer, std::uint64_t offset) = 0;
  // Returns the space of [offset, offset+length) to the file system (FALLOC_FL_PUNCH_HOLE).
  // EOPNOTSUPP: the file system cannot do this.
  virtual Result<void> punch(std::uint64_t offset, std::uint64_t length) = 0;
  // Extends the file to at least offset+length and allocates the space ahead of writing
  // (fallocate(2)). EOPNOTSUPP, ENOSPC.
  virtual Result<void> reserve(std::uint64_t offset, std::uint64_t length) = 0;
  // Sets the length in bytes (ftruncate(2)).
  virtual Result<void> truncate(std::uint64_t length) = 0;
};

// A directory of the machine in which hidden files are created.
class OsDirectory {
 public:
  virtual ~OsDirectory() = default;
  // Creates a file without a name (O_TMPFILE, or create-and-unlink where the file system lacks it),
  // with mode 0600, close-on-exec, and O_DIRECT where the file system supports it.
  virtual Result<std::unique_ptr<OsFile>> create_hidden() = 0;
  // Returns the bytes that an unprivileged writer can still store there (statvfs(3): f_bavail *
  // f_frsize).
  virtual Result<std::uint64_t> free_bytes() = 0;
  // Returns whether the directory is in memory (tmpfs, ramfs), so that spilling there frees
  // nothing.
  virtual Result<bool> in_memory() = 0;
};

// Opens `path` and keeps it open, so that later calls never resolve a path again. ENOENT, ENOTDIR,
// EACCES as open(2); else the errors of create_hidden(), which is tried once (EROFS).
Result<std::unique_ptr<OsDirectory>> open_directory(const std::string& path);

}  // namespace scratchfs::base
