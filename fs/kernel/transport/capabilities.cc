#include "fs/kernel/transport/capabilities.h"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace scratchfs::kernel {

namespace {

constexpr std::uint64_t kWanted[] = {
    FUSE_CAP_ASYNC_READ,            // read-ahead with several requests in flight
    FUSE_CAP_ATOMIC_O_TRUNC,        // open(O_TRUNC) as one atomic request
    FUSE_CAP_PARALLEL_DIROPS,       // lookups in one directory run in parallel
    FUSE_CAP_READDIRPLUS,           // `ls -l` without a lookup per name
    FUSE_CAP_READDIRPLUS_AUTO,      // but only if lookups follow
    FUSE_CAP_HANDLE_KILLPRIV_V2,    // otherwise each write first asks for security.capability
    FUSE_CAP_DIRECT_IO_ALLOW_MMAP,  // files that bypass the page cache can still be mapped
    FUSE_CAP_EXPLICIT_INVAL_DATA,   // pages stay cached until we invalidate them
    FUSE_CAP_CACHE_SYMLINKS,        // a symlink never changes
    FUSE_CAP_DONT_MASK,             // the daemon decides the mode at creation, umask included
    FUSE_CAP_OVER_IO_URING,         // takes effect if libfuse has been told to use io_uring
};

// libfuse requests some of these by default.
constexpr std::uint64_t kUnwanted[] = {
    FUSE_CAP_AUTO_INVAL_DATA,  // only the kernel changes files: no check by mtime needed
    FUSE_CAP_ASYNC_DIO,        // can leave stale pages in the cache
    FUSE_CAP_WRITEBACK_CACHE,  // a write over quota would succeed and fail only at close
    FUSE_CAP_POSIX_LOCKS,      // the kernel itself keeps locks of a local file system
    FUSE_CAP_FLOCK_LOCKS,
    FUSE_CAP_SPLICE_READ,  // a copy is cheaper than the pipes, and rings have none
    FUSE_CAP_SPLICE_WRITE,    FUSE_CAP_SPLICE_MOVE,
    FUSE_CAP_HANDLE_KILLPRIV,  // superseded by its second version
};

struct Release {
  unsigned version = 0;
  unsigned patch_level = 0;
  unsigned update = 0;                               // of a stable series
  auto operator<=>(const Release&) const = default;  // NOLINT(modernize-use-nullptr): not ours
};

// Parses a release such as "6.12.64+deb13-amd64"; unreadable parts count as zero.
Release to_release(std::string_view text) {
  Release release;
  for (unsigned* part : {&release.version, &release.patch_level, &release.update}) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *part);
    if (error != std::errc() || end == text.data() + text.size() || *end != '.') break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  }
  return release;
}

// Returns whether a page fault during a direct write leaves the old page in the cache. Fixed in
// 6.19 (commit b359af8275a9) and in the updates of older series below. INIT does not tell.
bool leaves_stale_pages(const Release& release) {
  if (release >= Release{6, 19, 0}) return false;
  for (const Release mended : {Release{6, 12, 64}, Release{6, 18, 3}}) {
    const bool same_series =
        release.version == mended.version && release.patch_level == mended.patch_level;
    if (same_series && release >= mended) return false;
  }
  return true;
}

}  // namespace

bool may_bypass_page_cache(fuse_conn_info& connection, std::string_view release) {
  return fuse_get_feature_flag(&connection, FUSE_CAP_DIRECT_IO_ALLOW_MMAP) &&
         !leaves_stale_pages(to_release(release));
}

void choose_capabilities(fuse_conn_info& connection) {
  for (const std::uint64_t capability : kWanted) fuse_set_feature_flag(&connection, capability);
  for (const std::uint64_t capability : kUnwanted) fuse_unset_feature_flag(&connection, capability);
  connection.time_gran = 1;  // nanoseconds
  connection.max_write = kMaxWrite;
  connection.max_background = kMaxBackground;
  connection.congestion_threshold = kMaxBackground * 3 / 4;
}

}  // namespace scratchfs::kernel
