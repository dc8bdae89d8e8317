// Handlers for file contents: READ, WRITE, IOCTL, FALLOCATE, LSEEK, COPY_FILE_RANGE.
#include <algorithm>
#include <string>

#include "fs/kernel/handlers/call.h"
#include "fs/kernel/handlers/handlers.h"

namespace scratchfs::kernel {

namespace {

base::Result<Bytes> read_control(const Call& call, std::uint64_t handle, std::size_t size,
                                 std::uint64_t offset) {
  const auto answer = call.context.control.read(handle, size, offset);
  if (!answer) return answer.error();
  const auto buffer = call.request.reply_buffer(std::max<std::size_t>(answer->size(), 1));
  std::ranges::copy(std::as_bytes(std::span(*answer)), buffer.begin());
  return Bytes{buffer.first(answer->size())};
}

// Rejects writeback of a shared mapping (FUSE_WRITE_CACHE), which comes with uid 0 instead of the
// writer's. Mapping the control file cannot be forbidden where direct files can be mapped.
base::Result<Written> write_control(const Call& call, std::uint64_t handle, bool is_mapped,
                                    std::span<const std::byte> data) {
  if (is_mapped) return base::Errno(EIO);
  if (call.wait == base::Wait::no) return base::kWouldBlock;  // the answer may take a while
  const std::string text(reinterpret_cast<const char*>(data.data()), data.size());
  const auto written = call.context.control.write(handle, text);
  if (!written) return written.error();
  return Written{*written};
}

// A READ into a caller's buffer carries a lock owner (FUSE_READ_LOCKOWNER), one into the page cache
// does not.
tree::Via via_of(const fuse_file_info& file) {
  return file.lock_owner == 0 ? tree::Via::page_cache : tree::Via::call;
}

// Upper limit of one copy request: the reply has 32 bits, kernels before 6.17 ask for more, and a
// thread must not be occupied for longer. copy_file_range(2) returns how much was copied.
constexpr std::size_t kMaxCopy = 64U << 20;

void on_read(fuse_req_t raw, fuse_ino_t id, std::size_t size, off_t offset, fuse_file_info* file) {
  on_handle(raw, Opcode::read, id, file,
            [size, number = file->fh, from = static_cast<std::uint64_t>(offset),
             via = via_of(*file)](const Call& call) -> base::Result<Bytes> {
              if (call.is_for_control()) return read_control(call, number, size, from);
              if (!call.handle) return base::Errno(EBADF);
              // A ring entry has its own buffer, and a reader of /dev/fuse must not wait.
              const bool builds = call.wait != base::Wait::no && call.request.ring() == nullptr;
              const auto share = call.context.reply_room.take(builds ? size : 0, call.wait);
              if (!share) return share.error();
              const auto buffer = call.request.reply_buffer(size);
              const auto got = call.tree.read(*call.handle, buffer, from, via, call.wait);
              if (!got) return got.error();
              return Bytes{buffer.first(*got)};
            });
}

void on_write(fuse_req_t raw, fuse_ino_t id, const char* data, std::size_t size, off_t offset,
              fuse_file_info* file) {
  on_handle(
      raw, Opcode::write, id, file,
      [number = file->fh, to = static_cast<std::uint64_t>(offset), kill = file->kill_suidgid != 0,
       is_mapped = file->writepage != 0](const Call& call,
                                         const WriteData& sent) -> base::Result<Written> {
        if (call.is_for_control()) return write_control(call, number, is_mapped, sent.bytes);
        if (!call.handle) return base::Errno(EBADF);
        const auto written = is_mapped
                                 ? call.tree.write_back(*call.handle, sent.bytes, to, call.wait)
                                 : call.tree.write(*call.handle, sent.bytes, to, kill, call.wait);
        if (!written) return written.error();
        // Writeback carries no caller; it is attributed to the file's owner.
        call.context.writers.note(
            is_mapped ? tree::Caller{.uid = call.handle->inode->attributes().uid} : call.caller(),
            *written);
        return Written{*written};
      },
      WriteData{.bytes = std::as_bytes(std::span(data, size)), .whole = file->writepage != 0});
}

void on_fallocate(fuse_req_t raw, fuse_ino_t id, int mode, off_t offset, off_t length,
                  fuse_file_info* file) {
  on_handle(raw, Opcode::fallocate, id, file,
            [mode, from = static_cast<std::uint64_t>(offset),
             bytes = static_cast<std::uint64_t>(length)](const Call& call) -> base::Result<void> {
              if (!call.handle) return base::Errno(EBADF);
              return call.tree.allocate(*call.handle, mode, from, bytes, call.wait);
            });
}

// Only the control file has an ioctl: on a read-only mount nothing can be opened for writing, yet
// the daemon must still take requests, such as the one to make the mount writable again.
void on_ioctl(fuse_req_t raw, fuse_ino_t id, unsigned command, void* /*argument*/,
              fuse_file_info* file, unsigned /*flags*/, const void* data, std::size_t size,
              std::size_t /*room*/) {
  const auto* const bytes = static_cast<const std::byte*>(data);
  on_handle(
      raw, Opcode::ioctl, id, file,
      [command, size, number = file->fh](const Call& call,
                                         const WriteData& sent) -> base::Result<IoctlDone> {
        if (!call.is_for_control() || command != control_command(size)) return base::Errno(ENOTTY);
        const auto written = write_control(call, number, false, sent.bytes);
        if (!written) return written.error();
        return IoctlDone{};
      },
      WriteData{.bytes = std::span(bytes, bytes == nullptr ? 0 : size), .whole = true});
}

void on_lseek(fuse_req_t raw, fuse_ino_t id, off_t offset, int whence, fuse_file_info* file) {
  on_handle(raw, Opcode::lseek, id, file,
            [whence,
             from = static_cast<std::uint64_t>(offset)](const Call& call) -> base::Result<Offset> {
              if (!call.handle) return base::Errno(EINVAL);
              const auto found = call.tree.seek(*call.handle, from, whence);
              if (!found) return found.error();
              return Offset{static_cast<off_t>(*found)};
            });
}

void on_copy_file_range(fuse_req_t raw, fuse_ino_t from_id, off_t from_offset,
                        fuse_file_info* from_file, fuse_ino_t to_id, off_t to_offset,
                        fuse_file_info* to_file, std::size_t length, int flags) {
  on_handle(
      raw, Opcode::copy_file_range, from_id, from_file,
      [flags, length, at = static_cast<std::uint64_t>(from_offset),
       to_at = static_cast<std::uint64_t>(to_offset),
       to = handle_of(context_of(raw), to_id, to_file)](const Call& call) -> base::Result<Written> {
        if (!call.handle || !to) return base::Errno(EBADF);
        if (flags != 0) return base::Errno(EINVAL);
        const auto copied =
            call.tree.copy(*call.handle, at, *to, to_at, std::min(length, kMaxCopy), call.wait);
        if (!copied) return copied.error();
        call.context.writers.note(call.caller(), *copied);
        return Written{*copied};
      });
}

}  // namespace

void add_content_handlers(fuse_lowlevel_ops& operations) {
  operations.read = on_read;
  operations.write = on_write;
  operations.ioctl = on_ioctl;
  operations.fallocate = on_fallocate;
  operations.lseek = on_lseek;
  operations.copy_file_range = on_copy_file_range;
}

}  // namespace scratchfs::kernel
