// Handlers for open files: CREATE, TMPFILE, OPEN, FLUSH, FSYNC, RELEASE.
#include <string_view>

#include "fs/kernel/handlers/convert.h"
#include "fs/kernel/handlers/handlers.h"

namespace scratchfs::kernel {

namespace {

void take_back_handle(void* object, tree::InodeId /*inode*/, std::uint64_t handle) {
  static_cast<tree::Tree*>(object)->release(handle);
}

void take_back_creation(void* object, tree::InodeId inode, std::uint64_t handle) {
  auto* tree = static_cast<tree::Tree*>(object);
  tree->release(handle);
  tree->forget(inode, 1);
}

void take_back_control(void* object, tree::InodeId /*inode*/, std::uint64_t handle) {
  static_cast<ControlFile*>(object)->release(handle);
}

CreatedReply to_reply(Context& context, const tree::Created& created,
                      const fuse_file_info& asked) {
  CreatedReply reply;
  reply.entry = to_entry(created.found.attributes, created.found.may_vanish);
  reply.file = to_file(asked, created.opened);
  reply.undo = {.function = take_back_creation,
                .object = &context.tree,
                .inode = created.found.inode->id,
                .handle = created.opened.handle};
  return reply;
}

base::Result<OpenedReply> open_control(Context& context, const Request& request,
                                       const fuse_file_info& asked) {
  const auto handle = context.control.open(request.caller());
  if (!handle) return handle.error();
  OpenedReply reply{.file = asked, .undo = {}};
  reply.file.fh = *handle;
  reply.file.direct_io = 1;  // each open has its own answer
  reply.file.noflush = 1;
  reply.undo = {.function = take_back_control, .object = &context.control, .handle = *handle};
  return reply;
}

}  // namespace

void on_create(fuse_req_t raw, fuse_ino_t parent, const char* asked_name, mode_t mode,
               fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::create, parent,
      [&context, parent, mode, asked = *file, directory = context.tree.find(parent)](
          Request& request, base::Wait wait, std::string_view name) -> base::Result<CreatedReply> {
        if (!directory) return base::Errno(ESTALE);
        if (is_control(parent, name)) return base::Errno(EEXIST);
        const auto created =
            context.tree.create(directory, name, mode, asked.flags, request.caller(), wait);
        if (!created) return created.error();
        return to_reply(context, *created, asked);
      },
      std::string_view(asked_name));
}

void on_tmpfile(fuse_req_t raw, fuse_ino_t parent, mode_t mode, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::tmpfile, parent,
              [&context, mode, asked = *file, directory = context.tree.find(parent)](
                  Request& request, base::Wait wait) -> base::Result<CreatedReply> {
                if (!directory) return base::Errno(ESTALE);
                const auto created = context.tree.create_unnamed(directory, mode, asked.flags,
                                                                 request.caller(), wait);
                if (!created) return created.error();
                return to_reply(context, *created, asked);
              });
}

void on_open(fuse_req_t raw, fuse_ino_t id, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::open, id,
              [&context, id, asked = *file, inode = context.tree.find(id)](
                  Request& request, base::Wait wait) -> base::Result<OpenedReply> {
                if (id == kControlId) return open_control(context, request, asked);
                if (!inode) return base::Errno(ESTALE);
                const auto opened = context.tree.open(inode, asked.flags, request.caller().uid,
                                                      asked.kill_suidgid != 0, wait);
                if (!opened) return opened.error();
                return OpenedReply{.file = to_file(asked, *opened),
                                   .undo = {.function = take_back_handle,
                                            .object = &context.tree,
                                            .handle = opened->handle}};
              });
}

void on_flush(fuse_req_t raw, fuse_ino_t id, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::flush, id,
              [&context, id, handle = context.tree.handle(file->fh)](
                  Request&, base::Wait) -> base::Result<Done> {
                if (id == kControlId || !handle) return Done{};
                if (const auto flushed = context.tree.flush(*handle); !flushed)
                  return flushed.error();
                return Done{};
              });
}

void on_fsync(fuse_req_t raw, fuse_ino_t id, int /*datasync*/, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::fsync, id,
              [&context, id, handle = context.tree.handle(file->fh)](
                  Request&, base::Wait) -> base::Result<Done> {
                if (id == kControlId || !handle) return Done{};
                if (const auto synced = context.tree.sync(*handle); !synced) return synced.error();
                return Done{};
              });
}

void on_release(fuse_req_t raw, fuse_ino_t id, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::release, id,
              [&context, id, handle = file->fh](Request&, base::Wait) -> base::Result<Done> {
                if (id == kControlId) {
                  context.control.release(handle);
                } else {
                  context.tree.release(handle);
                }
                return Done{};
              });
}

}  // namespace scratchfs::kernel
