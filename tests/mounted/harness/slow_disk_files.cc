#include "tests/mounted/harness/slow_disk_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace scratchfs::harness {
namespace {

constexpr std::uint64_t kPlenty = 64ULL << 30;  // free space that statfs reports, in bytes

struct stat status(int fd) {
  struct stat info {};
  fstat(fd, &info);
  return info;
}

}  // namespace

int SlowDiskFiles::answer(const fuse_in_header& header, const char* body, std::vector<char>& out) {
  const std::lock_guard lock(mutex_);
  switch (header.opcode) {
    case FUSE_INIT:
      out = init_out(argument<fuse_init_in>(body));
      return 0;
    case FUSE_LOOKUP: {
      const auto found = names_.find(body);
      if (found == names_.end()) {
        return ENOENT;
      }
      out = bytes_of(entry(found->second));
      return 0;
    }
    case FUSE_CREATE: {
      const std::uint64_t id = ++last_id_;
      files_[id] = Fd(memfd_create("slow-disk", MFD_CLOEXEC));
      names_[body + sizeof(fuse_create_in)] = id;
      out = bytes_of(entry(id));
      const auto opened = open_out();
      out.insert(out.end(), opened.begin(), opened.end());
      return 0;
    }
    case FUSE_UNLINK:
      return names_.erase(body) == 1 ? 0 : ENOENT;
    case FUSE_GETATTR:
      out = attr_out(header.nodeid);
      return 0;
    case FUSE_SETATTR: {
      const auto in = argument<fuse_setattr_in>(body);
      if ((in.valid & FATTR_SIZE) != 0 &&
          ftruncate(files_[header.nodeid].get(), static_cast<off_t>(in.size)) != 0) {
        return errno;
      }
      out = attr_out(header.nodeid);
      return 0;
    }
    case FUSE_FALLOCATE: {
      const auto in = argument<fuse_fallocate_in>(body);
      return fallocate(files_[header.nodeid].get(), static_cast<int>(in.mode),
                       static_cast<off_t>(in.offset), static_cast<off_t>(in.length)) == 0
                 ? 0
                 : errno;
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR:
      out = open_out();
      return 0;
    case FUSE_STATFS: {
      fuse_statfs_out statfs{};
      statfs.st.bsize = statfs.st.frsize = 4096;
      statfs.st.blocks = statfs.st.bfree = statfs.st.bavail = kPlenty / 4096;
      statfs.st.namelen = 255;
      out = bytes_of(statfs);
      return 0;
    }
    case FUSE_RELEASE:
      files_.erase(header.nodeid);  // every file is created, unlinked and closed once
      return 0;
    case FUSE_FLUSH:
    case FUSE_FSYNC:
    case FUSE_RELEASEDIR:
    case FUSE_ACCESS:
    case FUSE_DESTROY:
      return 0;
    default:
      return ENOSYS;
  }
}

int SlowDiskFiles::descriptor(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  return files_[id].get();
}

int SlowDiskFiles::names() {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(names_.size());
}

int SlowDiskFiles::open_files() {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(files_.size());
}

long long SlowDiskFiles::allocated_bytes() {
  const std::lock_guard lock(mutex_);
  long long sum = 0;
  for (const auto& [id, file] : files_) {
    sum += status(file.get()).st_blocks * 512LL;
  }
  return sum;
}

fuse_attr SlowDiskFiles::attributes(std::uint64_t id) {
  fuse_attr attr{};
  attr.ino = id;
  attr.mode = S_IFDIR | 0777;
  attr.nlink = 2;
  attr.blksize = 4096;
  if (id != FUSE_ROOT_ID) {
    const struct stat info = status(files_[id].get());
    attr.mode = S_IFREG | 0600;
    attr.nlink = 1;
    attr.size = static_cast<std::uint64_t>(info.st_size);
    attr.blocks = static_cast<std::uint64_t>(info.st_blocks);
  }
  return attr;
}

fuse_entry_out SlowDiskFiles::entry(std::uint64_t id) {
  fuse_entry_out out{};
  out.nodeid = id;
  out.attr = attributes(id);
  return out;
}

std::vector<char> SlowDiskFiles::attr_out(std::uint64_t id) {
  fuse_attr_out out{};
  out.attr = attributes(id);
  return bytes_of(out);
}

std::vector<char> SlowDiskFiles::open_out() const {
  fuse_open_out out{};
  if (cache_ == SlowDisk::Cache::none)
    out.open_flags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
  return bytes_of(out);
}

std::vector<char> SlowDiskFiles::init_out(const fuse_init_in& in) const {
  fuse_init_out out{};
  out.major = FUSE_KERNEL_VERSION;
  out.minor = FUSE_KERNEL_MINOR_VERSION;
  out.max_readahead = in.max_readahead;
  out.flags = in.flags & (FUSE_MAX_PAGES | FUSE_BIG_WRITES);
  if (cache_ == SlowDisk::Cache::write_back) out.flags |= in.flags & FUSE_WRITEBACK_CACHE;
  out.max_background = 512;
  out.congestion_threshold = 512;
  out.max_write = kLargestData;
  out.max_pages = kLargestData / 4096;
  out.time_gran = 1;
  return bytes_of(out);
}

}  // namespace scratchfs::harness
