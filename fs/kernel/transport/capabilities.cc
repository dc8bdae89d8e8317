#include "fs/kernel/transport/capabilities.h"

#include <cstdint>

namespace scratchfs::kernel {

namespace {

constexpr std::uint64_t kWanted[] = {
    FUSE_CAP_ASYNC_READ,            // read-ahead in several requests at once
    FUSE_CAP_ATOMIC_O_TRUNC,        // open(O_TRUNC) in one request, and atomic
    FUSE_CAP_PARALLEL_DIROPS,       // look-ups in one directory do not queue up in the kernel
    FUSE_CAP_READDIRPLUS,           // ls -l without a look-up for each name
    FUSE_CAP_READDIRPLUS_AUTO,      // but only where it is followed by look-ups
    FUSE_CAP_HANDLE_KILLPRIV_V2,    // else each write asks for security.capability first
    FUSE_CAP_DIRECT_IO_ALLOW_MMAP,  // files that bypass the page cache can still be mapped
    FUSE_CAP_EXPLICIT_INVAL_DATA,   // pages stay cached until we say otherwise
    FUSE_CAP_CACHE_SYMLINKS,        // a symlink never changes
    FUSE_CAP_DONT_MASK,             // modes at creation are decided here, umask included
    FUSE_CAP_OVER_IO_URING,         // takes effect where libfuse has been told io_uring
};

// libfuse asks for some of these by itself.
constexpr std::uint64_t kUnwanted[] = {
    FUSE_CAP_AUTO_INVAL_DATA,  // nobody but the kernel changes files: pages need no check by mtime
    FUSE_CAP_ASYNC_DIO,        // can leave stale pages in the cache
    FUSE_CAP_WRITEBACK_CACHE,  // a write over the quota would succeed and fail at close only
    FUSE_CAP_POSIX_LOCKS,      // the kernel keeps locks of a local file system itself
    FUSE_CAP_FLOCK_LOCKS,
    FUSE_CAP_SPLICE_READ,  // a copy costs less than the pipes, and rings have none
    FUSE_CAP_SPLICE_WRITE,    FUSE_CAP_SPLICE_MOVE,
    FUSE_CAP_HANDLE_KILLPRIV,  // superseded by its second version
};

}  // namespace

void choose_capabilities(fuse_conn_info& connection) {
  for (const std::uint64_t capability : kWanted) fuse_set_feature_flag(&connection, capability);
  for (const std::uint64_t capability : kUnwanted) fuse_unset_feature_flag(&connection, capability);
  connection.time_gran = 1;  // nanoseconds
  connection.max_write = kMaxWrite;
  connection.max_background = kMaxBackground;
  connection.congestion_threshold = kMaxBackground * 3 / 4;
}

}  // namespace scratchfs::kernel
