#include "fs/kernel/handlers/convert.h"

#include <linux/stat.h>
#include <sys/sysmacros.h>

#include "fs/store/units.h"

namespace scratchfs::kernel {

namespace {

constexpr std::uint64_t kStatUnit = 512;  // st_blocks counts units of this size
// The buffer size that stdio, Python and coreutils adopt, so each write becomes one request.
// malloc(3) maps and unmaps anything larger than twice this for every file that is opened.
constexpr std::size_t kPreferredIo = store::kBlockSize;

statx_timestamp to_timestamp(const timespec& time) {
  statx_timestamp result{};
  result.tv_sec = time.tv_sec;
  result.tv_nsec = static_cast<__u32>(time.tv_nsec);
  return result;
}

}  // namespace

void take_back_lookup(void* object, tree::InodeId inode, std::uint64_t /*handle*/) {
  static_cast<tree::Tree*>(object)->forget(inode, 1);
}

struct stat to_stat(const tree::Attributes& attributes) {
  struct stat result {};
  result.st_ino = attributes.id;
  result.st_mode = attributes.mode;
  result.st_nlink = attributes.links;
  result.st_uid = attributes.uid;
  result.st_gid = attributes.gid;
  result.st_rdev = attributes.device;
  result.st_size = static_cast<off_t>(attributes.size);
  result.st_blocks = static_cast<blkcnt_t>(attributes.allocated / kStatUnit);
  result.st_blksize = static_cast<blksize_t>(kPreferredIo);
  result.st_atim = attributes.accessed;
  result.st_mtim = attributes.modified;
  result.st_ctim = attributes.changed;
  return result;
}

Attr to_attr(const tree::Attributes& attributes) {
  return {.stat = to_stat(attributes), .timeout = kLong};
}

StatxAttr to_statx(const tree::Attributes& attributes) {
  StatxAttr result;
  result.timeout = kLong;
  struct statx& statx = result.statx;
  statx.stx_mask = STATX_BASIC_STATS | STATX_BTIME;
  statx.stx_ino = attributes.id;
  statx.stx_mode = static_cast<__u16>(attributes.mode);
  statx.stx_nlink = attributes.links;
  statx.stx_uid = attributes.uid;
  statx.stx_gid = attributes.gid;
  statx.stx_rdev_major = major(attributes.device);
  statx.stx_rdev_minor = minor(attributes.device);
  statx.stx_size = attributes.size;
  statx.stx_blocks = attributes.allocated / kStatUnit;
  statx.stx_blksize = static_cast<__u32>(kPreferredIo);
  statx.stx_atime = to_timestamp(attributes.accessed);
  statx.stx_mtime = to_timestamp(attributes.modified);
  statx.stx_ctime = to_timestamp(attributes.changed);
  statx.stx_btime = to_timestamp(attributes.born);
  return result;
}

fuse_entry_param to_entry(const tree::Attributes& attributes, bool may_vanish) {
  fuse_entry_param entry{};
  entry.ino = attributes.id;
  entry.attr = to_stat(attributes);
  entry.attr_timeout = kLong;
  entry.entry_timeout = may_vanish ? 0 : kLong;
  return entry;
}

EntryReply to_entry(Context& context, const tree::Found& found) {
  return {
      .entry = to_entry(found.attributes, found.may_vanish),
      .undo = {.function = take_back_lookup, .object = &context.tree, .inode = found.inode->id}};
}

fuse_file_info to_file(const fuse_file_info& asked, const tree::Opened& opened) {
  fuse_file_info file = asked;
  file.fh = opened.handle;
  // All writes come through this kernel, so its cached pages stay valid from open to open.
  file.keep_cache = 1;
  file.direct_io = opened.direct ? 1 : 0;
  file.parallel_direct_writes = 1;  // the content has its own lock
  file.noflush = opened.needs_flush ? 0 : 1;
  return file;
}

}  // namespace scratchfs::kernel
