#include "fs/base/os_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "fs/base/descriptor.h"
#include "fs/base/locked_temp_dir.h"
#include "fs/base/mutex.h"

namespace scratchfs::base {
namespace {

class HiddenFile final : public OsFile {
 public:
  explicit HiddenFile(int fd) : fd_(fd), direct_(set_direct(true)) {}

  Result<void> read_exactly(std::span<std::byte> buffer, std::uint64_t offset) override {
    while (!buffer.empty()) {
      const ssize_t got =
          pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
      if (got < 0) {
        if (may_retry(errno)) continue;
        return Errno{errno};
      }
      if (got == 0) return Errno{EIO};
      buffer = buffer.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return {};
  }

  Result<void> write_all(std::span<const std::byte> buffer, std::uint64_t offset) override {
    if (direct_) {
      const auto written = write_through(buffer, offset);
      if (direct_ || !written) return written;
    }
    // The page cache accepts data that the disk may refuse later, and reports the error only once,
    // to the next fsync(2). So cached writes are serialized, each with its own fdatasync(2).
    Lock lock(cached_writes_);
    if (const auto written = write_through(buffer, offset); !written) return written;
    if (fdatasync(fd_.get()) != 0) return Errno{errno};
    return {};
  }

  Result<void> punch(std::uint64_t offset, std::uint64_t length) override {
    return allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  }

  Result<void> reserve(std::uint64_t offset, std::uint64_t length) override {
    return allocate(0, offset, length);
  }

  Result<void> truncate(std::uint64_t length) override {
    while (ftruncate(fd_.get(), static_cast<off_t>(length)) != 0) {
      if (errno != EINTR) return Errno{errno};
    }
    return {};
  }

 private:
  Result<void> allocate(int mode, std::uint64_t offset, std::uint64_t length) {
    while (fallocate(fd_.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(length)) !=
           0) {
      if (errno == EINTR) continue;
      return errno == ENOSYS ? Errno{EOPNOTSUPP} : Errno{errno};
    }
    return {};
  }

  Result<void> write_through(std::span<const std::byte> buffer, std::uint64_t offset) {
    while (!buffer.empty()) {
      const ssize_t put =
          pwrite(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
      if (put < 0) {
        if (may_retry(errno)) continue;
        return Errno{errno};
      }
      // POSIX allows pwrite(2) to return 0 without an error; retrying could loop forever.
      if (put == 0) return Errno{EIO};
      buffer = buffer.subspan(static_cast<std::size_t>(put));
      offset += static_cast<std::uint64_t>(put);
    }
    return {};
  }

  bool set_direct(bool on) {
    const int flags = fcntl(fd_.get(), F_GETFL);
    if (flags < 0) return false;
    return fcntl(fd_.get(), F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 && on;
  }

  // Some file systems accept O_DIRECT at open but fail every transfer with EINVAL. For those,
  // switch to the page cache.
  bool may_retry(int error) {
    if (error == EINTR) return true;
    if (error != EINVAL || !direct_.exchange(false)) return false;
    set_direct(false);
    return true;
  }

  const Descriptor fd_;
  std::atomic<bool> direct_;
  Mutex cached_writes_;
};

class Directory final : public OsDirectory {
 public:
  explicit Directory(int fd) : fd_(fd) {}

  Result<std::unique_ptr<OsFile>> create_hidden() override {
    // O_EXCL: the file cannot be given a name later through /proc (open(2)).
    int fd = openat(fd_.get(), ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
      fd = create_unlinked();
    if (fd < 0) return Errno{errno};
    return std::unique_ptr<OsFile>(std::make_unique<HiddenFile>(fd));
  }

  // Removes the private directory. The process that creates the files makes its own if it needs
  // one.
  void give_up_place() {
    place_.reset();
    knows_place_ = false;
  }

  Result<std::uint64_t> free_bytes() override {
    struct statvfs info {};
    if (fstatvfs(fd_.get(), &info) != 0) return Errno{errno};
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  }

  Result<bool> in_memory() override {
    struct statfs info {};
    if (fstatfs(fd_.get(), &info) != 0) return Errno{errno};
    return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
  }

 private:
  // Emulates O_TMPFILE on file systems that lack it. Returns -1 and sets errno on failure.
  int create_unlinked() {
    if (!knows_place_) place_ = place_if_needed();
    knows_place_ = true;
    return create_and_unlink(place_ ? place_->descriptor() : fd_.get());
  }

  // Returns a private directory if unlinked open files keep a name on this file system, else null.
  // The check needs a directory that nobody else uses, because neither st_nlink nor the inode
  // number is reliable on such file systems.
  std::unique_ptr<LockedTempDir> place_if_needed() const {
    auto place = LockedTempDir::make(fd_.get());
    if (!place) return nullptr;
    const Descriptor probe(create_and_unlink((*place)->descriptor()));
    if (!probe.valid() || !(*place)->holds_names()) return nullptr;
    return *std::move(place);
  }

  static int create_and_unlink(int directory) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      std::uint64_t number = 0;
      if (getrandom(&number, sizeof number, 0) != sizeof number) continue;
      char name[40];
      std::snprintf(name, sizeof name, ".scratchfs-%016llx",
                    static_cast<unsigned long long>(number));
      const int fd =
          openat(directory, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
      if (fd < 0) {
        if (errno == EEXIST || errno == EINTR) continue;
        return -1;
      }
      if (unlinkat(directory, name, 0) == 0) return fd;
      const int error = errno;
      close(fd);
      errno = error;
      return -1;
    }
    errno = EEXIST;
    return -1;
  }

  const Descriptor fd_;
  std::unique_ptr<LockedTempDir> place_;  // null if not needed
  bool knows_place_ = false;
};

}  // namespace

Result<std::unique_ptr<OsDirectory>> open_directory(const std::string& path) {
  const int fd = open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Errno{errno};
  auto directory = std::make_unique<Directory>(fd);
  // Only creating a file shows for certain whether one can be created (permissions, read-only
  // mounts, LSMs).
  if (auto probe = directory->create_hidden(); !probe) return probe.error();
  directory->give_up_place();
  return std::unique_ptr<OsDirectory>(std::move(directory));
}

}  // namespace scratchfs::base
