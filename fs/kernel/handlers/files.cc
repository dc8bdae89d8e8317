// Handlers for open files: CREATE, TMPFILE, OPEN, FLUSH, FSYNC, RELEASE.
#include <string_view>

#include "fs/kernel/handlers/control_operations.h"
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

base::Result<CreatedReply> to_created_reply(const Call& call,
                                            const base::Result<tree::Created>& created,
                                            const fuse_file_info& asked) {
  if (!created) return created.error();
  CreatedReply reply;
  reply.entry = to_entry(created->found.attributes, created->found.may_vanish);
  reply.file = to_file(asked, created->opened);
  reply.undo = {.function = take_back_creation,
                .object = &call.tree,
                .inode = created->found.inode->id,
                .handle = created->opened.handle};
  return reply;
}

void on_create(fuse_req_t raw, fuse_ino_t parent, const char* asked_name, mode_t mode,
               fuse_file_info* file) {
  on_name(raw, Opcode::create, parent, asked_name, EEXIST,
          [mode, asked = *file](const Call& call, std::string_view name) {
            return to_created_reply(
                call,
                call.tree.create(call.inode, name, mode, asked.flags, call.caller(), call.wait),
                asked);
          });
}

void on_tmpfile(fuse_req_t raw, fuse_ino_t parent, mode_t mode, fuse_file_info* file) {
  on_existing(raw, Opcode::tmpfile, parent, ESTALE, [mode, asked = *file](const Call& call) {
    return to_created_reply(
        call, call.tree.create_unnamed(call.inode, mode, asked.flags, call.caller(), call.wait),
        asked);
  });
}

void on_open(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file) {
  on_inode(
      raw, Opcode::open, inode, [asked = *file](const Call& call) -> base::Result<OpenedReply> {
        if (call.is_for_control()) return open_control(call, asked);
        if (!call.inode) return base::Errno(ESTALE);
        const auto opened = call.tree.open(call.inode, asked.flags, call.caller().uid,
                                           asked.kill_suidgid != 0, call.wait);
        if (!opened) return opened.error();
        return OpenedReply{
            .file = to_file(asked, *opened),
            .undo = {.function = take_back_handle, .object = &call.tree, .handle = opened->handle}};
      });
}

void on_flush(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file) {
  on_handle(raw, Opcode::flush, inode, file, [](const Call& call) {
    return call.handle ? call.tree.flush(*call.handle) : base::Result<void>();
  });
}

void on_fsync(fuse_req_t raw, fuse_ino_t inode, int /*datasync*/, fuse_file_info* file) {
  on_handle(raw, Opcode::fsync, inode, file, [](const Call& call) {
    return call.handle ? call.tree.sync(*call.handle) : base::Result<void>();
  });
}

void on_release(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::release, inode,
              [&context, inode, handle = file->fh](Request&, base::Wait) -> base::Result<Done> {
                if (inode == kControlId) {
                  context.control.release(handle);
                } else {
                  context.tree.release(handle);
                }
                return Done{};
              });
}

}  // namespace

void add_file_handlers(fuse_lowlevel_ops& operations) {
  operations.create = on_create;
  operations.tmpfile = on_tmpfile;
  operations.open = on_open;
  operations.flush = on_flush;
  operations.fsync = on_fsync;
  operations.release = on_release;
}

}  // namespace scratchfs::kernel
