#include "tests/stress/tiny_fs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <future>
#include <stdexcept>

namespace scratchfs::test {

namespace {

constexpr const char* kParameter = "/sys/module/fuse/parameters/enable_uring";
constexpr fuse_ino_t kFile = 2;

TinyFs& fs_of(fuse_req_t request) { return *static_cast<TinyFs*>(fuse_req_userdata(request)); }

struct stat attributes_of(fuse_ino_t inode) {
  struct stat stat {};
  stat.st_ino = inode;
  stat.st_mode = inode == kFile ? S_IFREG | 0666 : S_IFDIR | 0777;
  stat.st_nlink = 1;
  stat.st_size = inode == kFile ? static_cast<off_t>(kFileSize) : 0;
  return stat;
}

void on_lookup(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  kernel::run_or_park(
      fs_of(raw), raw, kernel::Opcode::lookup, parent,
      [](kernel::Request&, base::Wait,
         std::string_view wanted) -> base::Result<kernel::EntryReply> {
        if (wanted != "file") return base::Errno(ENOENT);
        kernel::EntryReply reply;
        reply.entry.ino = kFile;
        reply.entry.attr = attributes_of(kFile);
        reply.entry.attr_timeout = reply.entry.entry_timeout = 60;
        return reply;
      },
      std::string_view(name));
}

void on_getattr(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* /*file*/) {
  kernel::run_or_park(fs_of(raw), raw, kernel::Opcode::getattr, inode,
                      [inode](kernel::Request&, base::Wait) -> base::Result<kernel::Attr> {
                        return kernel::Attr{attributes_of(inode), 0};
                      });
}

void on_open(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file) {
  kernel::run_or_park(
      fs_of(raw), raw, kernel::Opcode::open, inode,
      [opened = *file](kernel::Request&, base::Wait) -> base::Result<kernel::OpenedReply> {
        kernel::OpenedReply reply{.file = opened, .undo = {}};
        reply.file.direct_io = 1;
        reply.file.parallel_direct_writes = 1;
        reply.file.noflush = 1;
        return reply;
      });
}

void on_read(fuse_req_t raw, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
  TinyFs& fs = fs_of(raw);
  kernel::run_or_park(fs, raw, kernel::Opcode::read, inode,
                      [&fs, size, offset](kernel::Request& request,
                                          base::Wait wait) -> base::Result<kernel::Bytes> {
                        if (wait == base::Wait::no) return base::kWouldBlock;
                        fs.gate.pass();
                        if (fs.on_read) fs.on_read(static_cast<std::uint64_t>(offset));
                        const std::span<std::byte> buffer = request.reply_buffer(size);
                        fill_pattern(buffer, static_cast<std::uint64_t>(offset));
                        return kernel::Bytes{buffer};
                      });
}

void on_write(fuse_req_t raw, fuse_ino_t inode, const char* data, size_t size, off_t offset,
              fuse_file_info*) {
  TinyFs& fs = fs_of(raw);
  kernel::run_or_park(
      fs, raw, kernel::Opcode::write, inode,
      [&fs, offset](kernel::Request&, base::Wait wait,
                    const kernel::WriteData& sent) -> base::Result<kernel::Written> {
        const std::span<const std::byte> written = sent.bytes;
        if (wait == base::Wait::no) return base::kWouldBlock;
        fs.gate.pass();
        std::vector<std::byte> expected(written.size());
        fill_pattern(expected, static_cast<std::uint64_t>(offset));
        if (std::memcmp(expected.data(), written.data(), written.size()) != 0) ++fs.wrong_writes;
        return kernel::Written{written.size()};
      },
      kernel::WriteData{std::as_bytes(std::span(data, size))});
}

fuse_lowlevel_ops tiny_operations() {
  fuse_lowlevel_ops operations{};
  operations.init = [](void*, fuse_conn_info* connection) {
    kernel::Connection::negotiate(*connection);
  };
  operations.lookup = on_lookup;
  operations.getattr = on_getattr;
  operations.open = on_open;
  operations.read = on_read;
  operations.write = on_write;
  return operations;
}

}  // namespace

void Gate::close() {
  const base::Lock lock(mutex_);
  open_ = false;
}

void Gate::open() {
  const base::Lock lock(mutex_);
  open_ = true;
  changed_.notify_all();
}

void Gate::pass() {
  const base::Lock lock(mutex_);
  ++waiting_;
  changed_.notify_all();
  while (!open_) changed_.wait(mutex_);
  --waiting_;
}

void Gate::await(unsigned count) {
  const base::Lock lock(mutex_);
  while (waiting_ < count) changed_.wait(mutex_);
}

void fill_pattern(std::span<std::byte> into, std::uint64_t offset) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    into[i] = static_cast<std::byte>(((offset + i) * 2654435761U) >> 16U);
  }
}

TinyMount::TinyMount(kernel::IoUring io_uring, unsigned workers, unsigned ring_depth,
                     std::function<void(std::uint64_t)> on_read)
    : parking_(workers), fs_{{parking_, counters_}, gate_, wrong_writes_, std::move(on_read)} {
  std::string name = "/tmp/scratchfs-tiny-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error(strerror(errno));
  directory_ = name;
  static const fuse_lowlevel_ops operations = tiny_operations();
  const kernel::SessionOptions options{
      .io_uring = io_uring, .ring_depth = ring_depth, .allow_other = true, .source = "tiny"};
  auto connection = kernel::Connection::create(operations, &fs_, parking_, notifier_, options);
  if (!connection) throw std::runtime_error(connection.error().message);
  connection_ = *std::move(connection);
  const base::Descriptor place(open(directory_.c_str(), O_PATH | O_CLOEXEC));
  if (auto mounted = connection_->mount(directory_, place); !mounted) {
    throw std::runtime_error(mounted.error().message);
  }
  std::promise<void> ready;
  server_ = std::thread([this, &ready] {
    bool told = false;
    const auto tell = [&] {
      if (!std::exchange(told, true)) ready.set_value();
    };
    auto served = connection_->serve(tell);
    if (!served) outcome_ = served.error().message;
    tell();
  });
  ready.get_future().wait();
}

TinyMount::~TinyMount() {
  gate_.open();
  stop();
  end();
  rmdir(directory_.c_str());
}

void TinyMount::abort() { umount2(directory_.c_str(), MNT_FORCE); }

std::string TinyMount::end() {
  if (server_.joinable()) server_.join();
  return outcome_;
}

RingsEnabled::RingsEnabled() {
  std::ifstream(kParameter) >> before_;
  if (before_ == "N") std::ofstream(kParameter) << "Y" << std::flush;
}

RingsEnabled::~RingsEnabled() {
  if (before_ == "N") std::ofstream(kParameter) << "N" << std::flush;
}

}  // namespace scratchfs::test
