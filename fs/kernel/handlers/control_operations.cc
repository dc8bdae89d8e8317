#include "fs/kernel/handlers/control_operations.h"

#include <algorithm>
#include <string>

#include "fs/kernel/handlers/handlers.h"

namespace scratchfs::kernel {

namespace {

void take_back_control(void* object, tree::InodeId /*inode*/, std::uint64_t handle) {
  static_cast<ControlFile*>(object)->release(handle);
}

// Only the control file has an ioctl: on a read-only mount nothing can be opened for writing, yet
// the daemon must still take requests, such as the one to make the mount writable again.
void on_ioctl(fuse_req_t raw, fuse_ino_t inode, unsigned command, void* /*argument*/,
              fuse_file_info* file, unsigned /*flags*/, const void* data, std::size_t size,
              std::size_t /*room*/) {
  const auto* const bytes = static_cast<const std::byte*>(data);
  on_handle(
      raw, Opcode::ioctl, inode, file,
      [command, size, handle = file->fh](const Call& call,
                                         const WriteData& sent) -> base::Result<IoctlDone> {
        if (!call.is_for_control() || command != control_command(size)) return base::Errno(ENOTTY);
        const auto written = write_control(call, handle, false, sent.bytes);
        if (!written) return written.error();
        return IoctlDone{};
      },
      WriteData{.bytes = std::span(bytes, bytes == nullptr ? 0 : size), .whole = true});
}

}  // namespace

EntryReply control_entry(Context& context) {
  EntryReply entry;
  entry.entry = to_entry(context.control.attributes(0), false);
  return entry;
}

base::Result<OpenedReply> open_control(const Call& call, const fuse_file_info& asked) {
  const auto handle = call.context.control.open(call.caller());
  if (!handle) return handle.error();
  OpenedReply reply{.file = asked, .undo = {}};
  reply.file.fh = *handle;
  reply.file.direct_io = 1;  // each open has its own answer
  reply.file.noflush = 1;
  reply.undo = {.function = take_back_control, .object = &call.context.control, .handle = *handle};
  return reply;
}

base::Result<Bytes> read_control(const Call& call, std::uint64_t handle, std::size_t size,
                                 std::uint64_t offset) {
  const auto answer = call.context.control.read(handle, size, offset);
  if (!answer) return answer.error();
  const auto buffer = call.request.reply_buffer(std::max<std::size_t>(answer->size(), 1));
  std::ranges::copy(std::as_bytes(std::span(*answer)), buffer.begin());
  return Bytes{buffer.first(answer->size())};
}

base::Result<Written> write_control(const Call& call, std::uint64_t handle, bool is_mapped,
                                    std::span<const std::byte> data) {
  if (is_mapped) return base::Errno(EIO);
  if (call.wait == base::Wait::no) return base::kWouldBlock;  // the answer may take a while
  const std::string text(reinterpret_cast<const char*>(data.data()), data.size());
  const auto written = call.context.control.write(handle, text);
  if (!written) return written.error();
  return Written{*written};
}

void add_control_handlers(fuse_lowlevel_ops& operations) { operations.ioctl = on_ioctl; }

}  // namespace scratchfs::kernel
