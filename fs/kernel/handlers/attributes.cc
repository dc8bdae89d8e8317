// Handlers for attributes: GETATTR, STATX, SETATTR, STATFS.
#include "fs/base/clock.h"
#include "fs/kernel/handlers/convert.h"
#include "fs/kernel/handlers/handlers.h"
#include "fs/store/units.h"

namespace scratchfs::kernel {

namespace {

base::Result<tree::Attributes> attributes_of(Context& context, tree::InodeId id,
                                             const tree::InodeRef& inode) {
  if (id == kControlId) return context.control.attributes(0);
  if (!inode) return base::Errno(ESTALE);
  return inode->attributes();
}

std::shared_ptr<tree::Handle> handle_of(Context& context, tree::InodeId id,
                                        const fuse_file_info* file) {
  return file == nullptr || id == kControlId ? nullptr : context.tree.handle(file->fh);
}

tree::AttributeChange to_change(const struct stat& wanted, int which) {
  tree::AttributeChange change;
  if ((which & FUSE_SET_ATTR_MODE) != 0) change.mode = wanted.st_mode;
  if ((which & FUSE_SET_ATTR_UID) != 0) change.uid = wanted.st_uid;
  if ((which & FUSE_SET_ATTR_GID) != 0) change.gid = wanted.st_gid;
  if ((which & FUSE_SET_ATTR_SIZE) != 0) change.size = static_cast<std::uint64_t>(wanted.st_size);
  if ((which & FUSE_SET_ATTR_ATIME_NOW) != 0) {
    change.accessed = base::now();
  } else if ((which & FUSE_SET_ATTR_ATIME) != 0) {
    change.accessed = wanted.st_atim;
  }
  if ((which & FUSE_SET_ATTR_MTIME_NOW) != 0) {
    change.modified = base::now();
  } else if ((which & FUSE_SET_ATTR_MTIME) != 0) {
    change.modified = wanted.st_mtim;
  }
  if ((which & FUSE_SET_ATTR_CTIME) != 0) change.changed = wanted.st_ctim;
  // On the wire, the bit libfuse calls KILL_SUID means both set-id bits (FATTR_KILL_SUIDGID). With
  // a request that sets nothing, the kernel asks to drop privileges: after chown(path, -1, -1) or
  // fallocate(2).
  change.kill_suid_sgid = which == 0 || (which & FUSE_SET_ATTR_KILL_SUID) != 0;
  return change;
}

}  // namespace

void on_getattr(fuse_req_t raw, fuse_ino_t id, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::getattr, id,
              [&context, id, inode = context.tree.find(id), handle = handle_of(context, id, file)](
                  Request&, base::Wait) -> base::Result<Attr> {
                if (handle) context.tree.used(*handle);
                const auto attributes = attributes_of(context, id, inode);
                if (!attributes) return attributes.error();
                return to_attr(*attributes);
              });
}

void on_statx(fuse_req_t raw, fuse_ino_t id, int /*flags*/, int /*mask*/, fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::statx, id,
              [&context, id, inode = context.tree.find(id), handle = handle_of(context, id, file)](
                  Request&, base::Wait) -> base::Result<StatxAttr> {
                if (handle) context.tree.used(*handle);
                const auto attributes = attributes_of(context, id, inode);
                if (!attributes) return attributes.error();
                return to_statx(*attributes);
              });
}

void on_setattr(fuse_req_t raw, fuse_ino_t id, struct stat* wanted, int which,
                fuse_file_info* file) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::setattr, id,
      [&context, id, change = to_change(*wanted, which), inode = context.tree.find(id),
       handle = handle_of(context, id, file)](Request&, base::Wait wait) -> base::Result<Attr> {
        // A shell's `>` truncates the control file before writing to it.
        if (id == kControlId) return to_attr(context.control.attributes(0));
        if (!inode) return base::Errno(ESTALE);
        if (handle) context.tree.used(*handle);
        const auto attributes = context.tree.set_attributes(inode, change, wait);
        if (!attributes) return attributes.error();
        return to_attr(*attributes);
      });
}

void on_statfs(fuse_req_t raw, fuse_ino_t id) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::statfs, id,
              [&context](Request& request, base::Wait) -> base::Result<Statfs> {
                const auto space = context.tree.space(request.caller().uid);
                Statfs reply;
                reply.statvfs.f_bsize = store::kPageSize;
                reply.statvfs.f_frsize = store::kPageSize;
                reply.statvfs.f_blocks = space.bytes / store::kPageSize;
                reply.statvfs.f_bfree = space.bytes_free / store::kPageSize;
                reply.statvfs.f_bavail = reply.statvfs.f_bfree;
                reply.statvfs.f_files = space.inodes;
                reply.statvfs.f_ffree = space.inodes_free;
                reply.statvfs.f_favail = space.inodes_free;
                reply.statvfs.f_namemax = tree::kMaxName;
                return reply;
              });
}

}  // namespace scratchfs::kernel
