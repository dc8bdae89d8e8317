// Handlers for attributes: GETATTR, STATX, SETATTR, STATFS.
#include "fs/base/clock.h"
#include "fs/kernel/handlers/call.h"
#include "fs/kernel/handlers/handlers.h"
#include "fs/store/units.h"

namespace scratchfs::kernel {

namespace {

base::Result<tree::Attributes> attributes_of(const Call& call) {
  if (call.handle) call.tree.used(*call.handle);
  if (call.is_for_control()) return call.context.control.attributes(0);
  if (!call.inode) return base::Errno(ESTALE);
  return call.inode->attributes();
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

// Runs `op(call)` with the inode, and with the handle if the call came through a descriptor.
template <typename Op>
void on_inode_and_handle(fuse_req_t raw, Opcode opcode, fuse_ino_t inode,
                         const fuse_file_info* file, Op op) {
  Context& context = context_of(raw);
  on_objects(raw, opcode, inode, context.tree.find(inode), handle_of(context, inode, file),
             std::move(op));
}

void on_getattr(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file) {
  on_inode_and_handle(raw, Opcode::getattr, inode, file, attributes_of);
}

void on_statx(fuse_req_t raw, fuse_ino_t inode, int /*flags*/, int /*mask*/, fuse_file_info* file) {
  on_inode_and_handle(raw, Opcode::statx, inode, file,
                      [](const Call& call) -> base::Result<StatxAttr> {
                        const auto attributes = attributes_of(call);
                        if (!attributes) return attributes.error();
                        return to_statx(*attributes);
                      });
}

void on_setattr(fuse_req_t raw, fuse_ino_t inode, struct stat* wanted, int which,
                fuse_file_info* file) {
  on_inode_and_handle(
      raw, Opcode::setattr, inode, file,
      [change = to_change(*wanted, which)](const Call& call) -> base::Result<tree::Attributes> {
        // A shell's `>` truncates the control file before writing to it.
        if (call.is_for_control()) return attributes_of(call);
        if (!call.inode) return base::Errno(ESTALE);
        if (call.handle) call.tree.used(*call.handle);
        return call.tree.set_attributes(call.inode, change, call.wait);
      });
}

void on_statfs(fuse_req_t raw, fuse_ino_t inode) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::statfs, inode,
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

}  // namespace

void add_attribute_handlers(fuse_lowlevel_ops& operations) {
  operations.getattr = on_getattr;
  operations.statx = on_statx;
  operations.setattr = on_setattr;
  operations.statfs = on_statfs;
}

}  // namespace scratchfs::kernel
