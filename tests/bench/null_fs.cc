// scratchfs_null_fs: a file system that does nothing, over the same transport as scratchfs. The
// time it takes is the share of the kernel and libfuse in every request: the lower bound for any
// file system.
//
// It stores only each file's size and type. Names that are not in the kernel's cache do not exist,
// directories are empty, and a read returns whatever the buffer held.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "fs/kernel/handlers/convert.h"
#include "fs/kernel/transport/capabilities.h"
#include "fs/kernel/transport/connection.h"
#include "fs/mounts/mount_point.h"

namespace scratchfs::bench {

namespace {

constexpr std::size_t kInodes = 1U << 22;  // after that, numbers are reused
std::array<std::atomic<std::uint64_t>, kInodes> sizes;
std::atomic<std::uint64_t> next_number{1};

// Files have even numbers; directories, like the root, have odd ones.
bool is_file(fuse_ino_t inode) { return inode % 2 == 0; }
std::atomic<std::uint64_t>& size_of(fuse_ino_t inode) { return sizes[inode % kInodes]; }

fuse_ino_t new_inode(bool file) {
  const fuse_ino_t inode = 2 * next_number.fetch_add(1, std::memory_order_relaxed) + (file ? 0 : 1);
  size_of(inode).store(0, std::memory_order_relaxed);
  return inode;
}

struct stat attributes_of(fuse_ino_t inode) {
  struct stat stat {};
  stat.st_ino = inode;
  stat.st_mode = is_file(inode) ? S_IFREG | 0600 : S_IFDIR | 0777;
  stat.st_nlink = 1;
  stat.st_size = static_cast<off_t>(size_of(inode).load(std::memory_order_relaxed));
  return stat;
}

fuse_entry_param entry_of(fuse_ino_t inode) {
  fuse_entry_param entry{};
  entry.ino = inode;
  entry.attr = attributes_of(inode);
  entry.attr_timeout = entry.entry_timeout = kernel::kLong;
  return entry;
}

// As in scratchfs: read-only handles use the page cache.
void set_up(fuse_file_info& file) {
  file.direct_io = (file.flags & O_ACCMODE) != O_RDONLY ? 1 : 0;
  file.keep_cache = 1;
  file.parallel_direct_writes = 1;
  file.noflush = 1;
}

void on_lookup(fuse_req_t request, fuse_ino_t /*parent*/, const char* /*name*/) {
  fuse_entry_param none{};
  none.entry_timeout = kernel::kLong;
  fuse_reply_entry(request, &none);
}

void on_forget(fuse_req_t request, fuse_ino_t /*inode*/, std::uint64_t /*count*/) {
  fuse_reply_none(request);
}

void on_forget_multi(fuse_req_t request, std::size_t /*count*/, fuse_forget_data* /*forgets*/) {
  fuse_reply_none(request);
}

void on_getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info* /*file*/) {
  const struct stat stat = attributes_of(inode);
  fuse_reply_attr(request, &stat, kernel::kLong);
}

void on_setattr(fuse_req_t request, fuse_ino_t inode, struct stat* wanted, int which,
                fuse_file_info* file) {
  if ((which & FUSE_SET_ATTR_SIZE) != 0) {
    size_of(inode) = static_cast<std::uint64_t>(wanted->st_size);
  }
  on_getattr(request, inode, file);
}

void on_mkdir(fuse_req_t request, fuse_ino_t /*parent*/, const char* /*name*/, mode_t /*mode*/) {
  const fuse_entry_param entry = entry_of(new_inode(false));
  fuse_reply_entry(request, &entry);
}

void on_remove(fuse_req_t request, fuse_ino_t /*parent*/, const char* /*name*/) {
  fuse_reply_err(request, 0);
}

void on_rename(fuse_req_t request, fuse_ino_t /*from*/, const char* /*old_name*/, fuse_ino_t /*to*/,
               const char* /*new_name*/, unsigned /*flags*/) {
  fuse_reply_err(request, 0);
}

void on_create(fuse_req_t request, fuse_ino_t /*parent*/, const char* /*name*/, mode_t /*mode*/,
               fuse_file_info* file) {
  const fuse_entry_param entry = entry_of(new_inode(true));
  set_up(*file);
  fuse_reply_create(request, &entry, file);
}

void on_open(fuse_req_t request, fuse_ino_t /*inode*/, fuse_file_info* file) {
  set_up(*file);
  fuse_reply_open(request, file);
}

void on_release(fuse_req_t request, fuse_ino_t /*inode*/, fuse_file_info* /*file*/) {
  fuse_reply_err(request, 0);
}

void on_read(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset,
             fuse_file_info* /*file*/) {
  const std::uint64_t end = size_of(inode).load(std::memory_order_relaxed);
  const auto from = std::min(end, static_cast<std::uint64_t>(offset));
  const std::size_t count = std::min<std::uint64_t>(size, end - from);
  char* payload = nullptr;
  std::size_t room = 0;
  if (fuse_req_is_uring(request) && fuse_req_get_payload(request, &payload, &room, nullptr) == 0 &&
      room >= count) {
    fuse_reply_buf(request, payload, count);
    return;
  }
  thread_local std::vector<char> buffer(kernel::kMaxWrite);
  fuse_reply_buf(request, buffer.data(), std::min(count, buffer.size()));
}

void on_write(fuse_req_t request, fuse_ino_t inode, const char* /*data*/, std::size_t size,
              off_t offset, fuse_file_info* /*file*/) {
  auto& known = size_of(inode);
  const std::uint64_t end = static_cast<std::uint64_t>(offset) + size;
  if (known.load(std::memory_order_relaxed) < end) known.store(end, std::memory_order_relaxed);
  fuse_reply_write(request, size);
}

void on_opendir(fuse_req_t request, fuse_ino_t /*inode*/, fuse_file_info* file) {
  fuse_reply_open(request, file);
}

void on_readdir(fuse_req_t request, fuse_ino_t /*inode*/, std::size_t /*size*/, off_t /*offset*/,
                fuse_file_info* /*file*/) {
  fuse_reply_buf(request, nullptr, 0);
}

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops all{};
  all.init = [](void*, fuse_conn_info* connection) { kernel::Connection::negotiate(*connection); };
  all.lookup = on_lookup;
  all.forget = on_forget;
  all.forget_multi = on_forget_multi;
  all.getattr = on_getattr;
  all.setattr = on_setattr;
  all.mkdir = on_mkdir;
  all.unlink = on_remove;
  all.rmdir = on_remove;
  all.rename = on_rename;
  all.create = on_create;
  all.open = on_open;
  all.release = on_release;
  all.read = on_read;
  all.write = on_write;
  all.opendir = on_opendir;
  all.readdir = on_readdir;
  all.readdirplus = on_readdir;
  return all;
}

int complain(const base::Failure& failure) {
  fmt::print(stderr, "scratchfs_null_fs: {}\n", failure.message);
  return 1;
}

// Serves requests until it is unmounted.
int serve(const std::string& mountpoint, const kernel::SessionOptions& options) {
  const fuse_lowlevel_ops all = operations();
  kernel::Parking parking(1);
  kernel::Notifier notifier;
  auto connection = kernel::Connection::create(all, nullptr, parking, notifier, options);
  if (!connection) return complain(connection.error());
  const base::Descriptor place(::open(mountpoint.c_str(), O_PATH | O_CLOEXEC));
  const auto path = mounts::whereabouts(place);
  if (!path) return complain({mountpoint + ": " + strerrordesc_np(path.error().value())});
  if (auto mounted = (*connection)->mount(*path, place); !mounted) return complain(mounted.error());
  auto served = (*connection)->serve([] {});
  return served ? 0 : complain(served.error());
}

}  // namespace

}  // namespace scratchfs::bench

int main(int argc, char** argv) {
  namespace kernel = scratchfs::kernel;
  CLI::App app("A file system that does nothing, to be timed. Stays until it is unmounted.",
               "scratchfs_null_fs");
  std::string mountpoint;
  bool dev_fuse = false;
  app.add_option("mountpoint", mountpoint)->required()->check(CLI::ExistingDirectory);
  app.add_flag("--dev-fuse", dev_fuse, "Use /dev/fuse, not io_uring");
  CLI11_PARSE(app, argc, argv);
  return scratchfs::bench::serve(mountpoint,
                                 {.io_uring = dev_fuse ? kernel::IoUring::off : kernel::IoUring::on,
                                  .allow_other = true,
                                  .source = "null"});
}
