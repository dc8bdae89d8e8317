// Handlers for file contents: READ, WRITE, FALLOCATE, LSEEK, COPY_FILE_RANGE.
#include <algorithm>

#include "fs/kernel/handlers/control_operations.h"
#include "fs/kernel/handlers/handlers.h"

namespace scratchfs::kernel {

namespace {

// A READ into a caller's buffer carries a lock owner (FUSE_READ_LOCKOWNER), one into the page cache
// does not.
tree::Via via_of(const fuse_file_info& file) {
  return file.lock_owner == 0 ? tree::Via::page_cache : tree::Via::call;
}

// Upper limit of one copy request: the reply has 32 bits, kernels before 6.17 ask for more, and a
// thread must not be occupied for longer. copy_file_range(2) returns how much was copied.
constexpr std::size_t kMaxCopy = 64U << 20;

void on_read(fuse_req_t raw, fuse_ino_t inode, std::size_t size, off_t offset,
             fuse_file_info* file) {
  on_handle(raw, Opcode::read, inode, file,
            [size, handle = file->fh, from = static_cast<std::uint64_t>(offset),
             via = via_of(*file)](const Call& call) -> base::Result<Bytes> {
              if (call.is_for_control()) return read_control(call, handle, size, from);
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

void on_write(fuse_req_t raw, fuse_ino_t inode, const char* data, std::size_t size, off_t offset,
              fuse_file_info* file) {
  on_handle(
      raw, Opcode::write, inode, file,
      [handle = file->fh, to = static_cast<std::uint64_t>(offset), kill = file->kill_suidgid != 0,
       is_mapped = file->writepage != 0](const Call& call,
                                         const WriteData& sent) -> base::Result<Written> {
        if (call.is_for_control()) return write_control(call, handle, is_mapped, sent.bytes);
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

void on_fallocate(fuse_req_t raw, fuse_ino_t inode, int mode, off_t offset, off_t length,
                  fuse_file_info* file) {
  on_handle(raw, Opcode::fallocate, inode, file,
            [mode, from = static_cast<std::uint64_t>(offset),
             bytes = static_cast<std::uint64_t>(length)](const Call& call) -> base::Result<void> {
              if (!call.handle) return base::Errno(EBADF);
              return call.tree.allocate(*call.handle, mode, from, bytes, call.wait);
            });
}

void on_lseek(fuse_req_t raw, fuse_ino_t inode, off_t offset, int whence, fuse_file_info* file) {
  on_handle(raw, Opcode::lseek, inode, file,
            [whence,
             from = static_cast<std::uint64_t>(offset)](const Call& call) -> base::Result<Offset> {
              if (!call.handle) return base::Errno(EINVAL);
              const auto found = call.tree.seek(*call.handle, from, whence);
              if (!found) return found.error();
              return Offset{static_cast<off_t>(*found)};
            });
}

void on_copy_file_range(fuse_req_t raw, fuse_ino_t from_inode, off_t from_offset,
                        fuse_file_info* from_file, fuse_ino_t to_inode, off_t to_offset,
                        fuse_file_info* to_file, std::size_t length, int flags) {
  on_handle(raw, Opcode::copy_file_range, from_inode, from_file,
            [flags, length, at = static_cast<std::uint64_t>(from_offset),
             to_at = static_cast<std::uint64_t>(to_offset),
             to = handle_of(context_of(raw), to_inode, to_file)](
                const Call& call) -> base::Result<Written> {
              if (!call.handle || !to) return base::Errno(EBADF);
              if (flags != 0) return base::Errno(EINVAL);
              const auto copied = call.tree.copy(*call.handle, at, *to, to_at,
                                                 std::min(length, kMaxCopy), call.wait);
              if (!copied) return copied.error();
              call.context.writers.note(call.caller(), *copied);
              return Written{*copied};
            });
}

}  // namespace

void add_content_handlers(fuse_lowlevel_ops& operations) {
  operations.read = on_read;
  operations.write = on_write;
  operations.fallocate = on_fallocate;
  operations.lseek = on_lseek;
  operations.copy_file_range = on_copy_file_range;
}

}  // namespace scratchfs::kernel
