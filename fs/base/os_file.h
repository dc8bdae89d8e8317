// The few calls that scratchfs makes on files of the machine, behind an interface so that tests can
// make them fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "fs/base/result.h"

namespace scratchfs::base {

// One open file without a name. All methods may be called from many threads at once (pread(2),
// pwrite(2)).
class OsFile {
 public:
  virtual ~OsFile() = default;
  // Reads exactly buffer.size() bytes at `offset` (bytes); EIO when the file ends before, else
  // pread(2)'s errno.
  virtual Result<void> read_exactly(std::span<std::byte> buffer, std::uint64_t offset) = 0;
  // Writes all of `buffer` at `offset`, to the disk where its file system tells of that (no power
  // failure is thought of); ENOSPC, EDQUOT, EIO as pwrite(2) and fsync(2). A failed write may have
  // written a part.
  virtual Result<void> write_all(std::span<const std::byte> buffer, std::uint64_t offset) = 0;
  // Gives [offset, offset+length) back to the file system (FALLOC_FL_PUNCH_HOLE); EOPNOTSUPP where
  // it cannot.
  virtual Result<void> punch(std::uint64_t offset, std::uint64_t length) = 0;
  // Makes the file at least offset+length long and takes the space for it ahead of writing
  // (fallocate(2)); EOPNOTSUPP, ENOSPC.
  virtual Result<void> reserve(std::uint64_t offset, std::uint64_t length) = 0;
  // Sets the length in bytes (ftruncate(2)).
  virtual Result<void> truncate(std::uint64_t length) = 0;
};

// A directory on the machine that hidden files are made in.
class OsDirectory {
 public:
  virtual ~OsDirectory() = default;
  // Makes a file that has no name (O_TMPFILE, or create-and-unlink where the file system has none).
  // Its mode is 0600, it is closed on exec, and it is opened O_DIRECT where the file system takes
  // that.
  virtual Result<std::unique_ptr<OsFile>> create_hidden() = 0;
  // Bytes that an unprivileged writer could still put there (statvfs(3): f_bavail * f_frsize).
  virtual Result<std::uint64_t> free_bytes() = 0;
  // True where the directory lies in memory (tmpfs, ramfs), so that spilling there frees nothing.
  virtual Result<bool> in_memory() = 0;
};

// Opens `path`; it stays open, so later calls never walk a path again.
// ENOENT, ENOTDIR, EACCES as open(2); EROFS where no file can be made there.
Result<std::unique_ptr<OsDirectory>> open_directory(const std::string& path);

}  // namespace scratchfs::base
