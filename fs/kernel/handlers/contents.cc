// Handlers for file contents: READ, WRITE, IOCTL, FALLOCATE, LSEEK, COPY_FILE_RANGE.
#include <algorithm>
#include <string>

#include "fs/kernel/handlers/convert.h"
#include "fs/kernel/handlers/handlers.h"

namespace scratchfs::kernel {

namespace {

base::Result<Bytes> read_control(Context& context, Request& request, std::uint64_t handle,
                                 std::size_t size, std::uint64_t offset) {
  const auto answer = context.control.read(handle, size, offset);
  if (!answer) return answer.error();
  const auto buffer = request.reply_buffer(std::max<std::size_t>(answer->size(), 1));
  std::ranges::copy(std::as_bytes(std::span(*answer)), buffer.begin());
  return Bytes{buffer.first(answer->size())};
}

// Rejects writeback of a shared mapping (FUSE_WRITE_CACHE), which comes with uid 0 instead of the
// writer's. Mapping the control file cannot be forbidden where direct files can be mapped.
base::Result<Written> write_control(Context& context, std::uint64_t handle, bool is_mapped,
                                    std::span<const std::byte> data, base::Wait wait) {
  if (is_mapped) return base::Errno(EIO);
  if (wait == base::Wait::no) return base::kWouldBlock;  // the answer may take a while
  const std::string text(reinterpret_cast<const char*>(data.data()), data.size());
  const auto written = context.control.write(handle, text);
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

}  // namespace

void on_read(fuse_req_t raw, fuse_ino_t id, std::size_t size, off_t offset, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::read, id,
      [&context, id, size, number = file->fh, from = static_cast<std::uint64_t>(offset),
       via = via_of(*file), handle = id == kControlId ? nullptr : context.tree.handle(file->fh)](
          Request& request, base::Wait wait) -> base::Result<Bytes> {
        if (id == kControlId) return read_control(context, request, number, size, from);
        if (!handle) return base::Errno(EBADF);
        // A ring entry has its own buffer, and a reader of /dev/fuse must not wait.
        const bool builds = wait != base::Wait::no && request.ring() == nullptr;
        const auto share = context.reply_room.take(builds ? size : 0, wait);
        if (!share) return share.error();
        const auto buffer = request.reply_buffer(size);
        const auto got = context.tree.read(*handle, buffer, from, via, wait);
        if (!got) return got.error();
        return Bytes{buffer.first(*got)};
      });
}

void on_write(fuse_req_t raw, fuse_ino_t id, const char* data, std::size_t size, off_t offset,
              fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::write, id,
      [&context, id, number = file->fh, to = static_cast<std::uint64_t>(offset),
       kill = file->kill_suidgid != 0, is_mapped = file->writepage != 0,
       handle = id == kControlId ? nullptr : context.tree.handle(file->fh)](
          Request& request, base::Wait wait, const WriteData& sent) -> base::Result<Written> {
        if (id == kControlId) return write_control(context, number, is_mapped, sent.bytes, wait);
        if (!handle) return base::Errno(EBADF);
        const auto written = is_mapped ? context.tree.write_back(*handle, sent.bytes, to, wait)
                                       : context.tree.write(*handle, sent.bytes, to, kill, wait);
        if (!written) return written.error();
        // Writeback carries no caller; it is attributed to the file's owner.
        context.writers.note(
            is_mapped ? tree::Caller{.uid = handle->inode->attributes().uid} : request.caller(),
            *written);
        return Written{*written};
      },
      WriteData{.bytes = std::as_bytes(std::span(data, size)), .whole = file->writepage != 0});
}

void on_fallocate(fuse_req_t raw, fuse_ino_t id, int mode, off_t offset, off_t length,
                  fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::fallocate, id,
              [&context, mode, from = static_cast<std::uint64_t>(offset),
               bytes = static_cast<std::uint64_t>(length),
               handle = id == kControlId ? nullptr : context.tree.handle(file->fh)](
                  Request&, base::Wait wait) -> base::Result<Done> {
                if (!handle) return base::Errno(EBADF);
                const auto done = context.tree.allocate(*handle, mode, from, bytes, wait);
                if (!done) return done.error();
                return Done{};
              });
}

// Only the control file has an ioctl: on a read-only mount nothing can be opened for writing, yet
// the daemon must still take requests, such as the one to make the mount writable again.
void on_ioctl(fuse_req_t raw, fuse_ino_t id, unsigned command, void* /*argument*/,
              fuse_file_info* file, unsigned /*flags*/, const void* data, std::size_t size,
              std::size_t /*room*/) {
  Context& context = context_of(raw);
  const auto* const bytes = static_cast<const std::byte*>(data);
  run_or_park(
      context, raw, Opcode::ioctl, id,
      [&context, id, command, size, number = file->fh](
          Request&, base::Wait wait, const WriteData& sent) -> base::Result<IoctlDone> {
        if (id != kControlId || command != control_command(size)) return base::Errno(ENOTTY);
        const auto written = write_control(context, number, false, sent.bytes, wait);
        if (!written) return written.error();
        return IoctlDone{};
      },
      WriteData{.bytes = std::span(bytes, bytes == nullptr ? 0 : size), .whole = true});
}

void on_lseek(fuse_req_t raw, fuse_ino_t id, off_t offset, int whence, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::lseek, id,
              [&context, whence, from = static_cast<std::uint64_t>(offset),
               handle = id == kControlId ? nullptr : context.tree.handle(file->fh)](
                  Request&, base::Wait) -> base::Result<Offset> {
                if (!handle) return base::Errno(EINVAL);
                const auto found = context.tree.seek(*handle, from, whence);
                if (!found) return found.error();
                return Offset{static_cast<off_t>(*found)};
              });
}

void on_copy_file_range(fuse_req_t raw, fuse_ino_t from_id, off_t from_offset,
                        fuse_file_info* from_file, fuse_ino_t to_id, off_t to_offset,
                        fuse_file_info* to_file, std::size_t length, int flags) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::copy_file_range, from_id,
              [&context, flags, length, at = static_cast<std::uint64_t>(from_offset),
               to_at = static_cast<std::uint64_t>(to_offset),
               from = from_id == kControlId ? nullptr : context.tree.handle(from_file->fh),
               to = to_id == kControlId ? nullptr : context.tree.handle(to_file->fh)](
                  Request& request, base::Wait wait) -> base::Result<Written> {
                if (!from || !to) return base::Errno(EBADF);
                if (flags != 0) return base::Errno(EINVAL);
                const auto copied =
                    context.tree.copy(*from, at, *to, to_at, std::min(length, kMaxCopy), wait);
                if (!copied) return copied.error();
                context.writers.note(request.caller(), *copied);
                return Written{*copied};
              });
}

}  // namespace scratchfs::kernel
