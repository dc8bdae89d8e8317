// Handlers for names: LOOKUP, FORGET, MKNOD, MKDIR, SYMLINK, READLINK, LINK, UNLINK, RMDIR, RENAME.
#include <linux/fs.h>

#include <optional>
#include <string_view>

#include "fs/kernel/handlers/control_operations.h"
#include "fs/kernel/handlers/handlers.h"

namespace scratchfs::kernel {

namespace {

// Returns a negative entry, which the kernel may cache because new names are only created through
// it.
EntryReply no_entry() {
  EntryReply entry;
  entry.entry.entry_timeout = kLong;
  return entry;
}

std::optional<tree::RenameMode> to_mode(unsigned flags) {
  switch (flags) {
    case 0:
      return tree::RenameMode::replace;
    case RENAME_NOREPLACE:
      return tree::RenameMode::no_replace;
    case RENAME_EXCHANGE:
      return tree::RenameMode::exchange;
    default:
      return std::nullopt;
  }
}

void on_lookup(fuse_req_t raw, fuse_ino_t parent, const char* asked_name) {
  on_existing(
      raw, Opcode::lookup, parent, ESTALE,
      [parent](const Call& call, std::string_view name) -> base::Result<EntryReply> {
        if (is_control(parent, name)) return control_entry(call.context);
        const auto found = call.tree.lookup(call.inode, name, call.wait);
        if (found.is(base::Errno(ENOENT))) return no_entry();
        return to_reply(call.context, found);
      },
      std::string_view(asked_name));
}

void on_forget(fuse_req_t raw, fuse_ino_t inode, std::uint64_t count) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::forget, inode,
              [&context, inode, count](Request&, base::Wait) -> base::Result<NoReply> {
                context.tree.forget(inode, count);
                return NoReply{};
              });
}

void on_forget_multi(fuse_req_t raw, std::size_t count, fuse_forget_data* forgets) {
  Context& context = context_of(raw);
  run_or_park(context, raw, Opcode::forget, 0,
              [&context, count, forgets](Request&, base::Wait) -> base::Result<NoReply> {
                for (const fuse_forget_data& one : std::span(forgets, count))
                  context.tree.forget(one.ino, one.nlookup);
                return NoReply{};
              });
}

void make(fuse_req_t raw, Opcode opcode, fuse_ino_t parent, const char* asked_name, mode_t mode,
          dev_t device) {
  on_name(raw, opcode, parent, asked_name, EEXIST,
          [mode, device](const Call& call, std::string_view name) {
            return call.tree.make(call.inode, name, mode, device, call.caller(), call.wait);
          });
}

void on_mknod(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  make(raw, Opcode::mknod, parent, name, mode, device);
}

void on_mkdir(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode) {
  make(raw, Opcode::mkdir, parent, name, S_IFDIR | (mode & 07777), 0);
}

void on_symlink(fuse_req_t raw, const char* asked_target, fuse_ino_t parent,
                const char* asked_name) {
  on_name(
      raw, Opcode::symlink, parent, asked_name, EEXIST,
      [](const Call& call, std::string_view name, std::string_view target) {
        return call.tree.symlink(call.inode, name, target, call.caller(), call.wait);
      },
      std::string_view(asked_target));
}

void on_readlink(fuse_req_t raw, fuse_ino_t inode) {
  on_existing(raw, Opcode::readlink, inode, ESTALE, [](const Call& call) -> base::Result<Text> {
    auto target = call.tree.read_link(call.inode);
    if (!target) return target.error();
    return Text{*std::move(target)};
  });
}

void on_link(fuse_req_t raw, fuse_ino_t inode, fuse_ino_t parent, const char* asked_name) {
  on_existing(
      raw, Opcode::link, inode, ESTALE,
      [parent, directory = context_of(raw).tree.find(parent)](
          const Call& call, std::string_view name) -> base::Result<tree::Found> {
        if (!directory) return base::Errno(ESTALE);
        if (is_control(parent, name)) return base::Errno(EEXIST);
        return call.tree.link(call.inode, directory, name, call.caller(), call.wait);
      },
      std::string_view(asked_name));
}

void on_unlink(fuse_req_t raw, fuse_ino_t parent, const char* asked_name) {
  on_name(raw, Opcode::unlink, parent, asked_name, EPERM,
          [](const Call& call, std::string_view name) {
            return call.tree.unlink(call.inode, name, call.wait);
          });
}

void on_rmdir(fuse_req_t raw, fuse_ino_t parent, const char* asked_name) {
  on_name(raw, Opcode::rmdir, parent, asked_name, ENOTDIR,
          [](const Call& call, std::string_view name) {
            return call.tree.rmdir(call.inode, name, call.wait);
          });
}

void on_rename(fuse_req_t raw, fuse_ino_t from_inode, const char* asked_old_name,
               fuse_ino_t to_inode, const char* asked_new_name, unsigned flags) {
  on_name(
      raw, Opcode::rename, from_inode, asked_old_name, EPERM,
      [to_inode, flags, to = context_of(raw).tree.find(to_inode)](
          const Call& call, std::string_view old_name,
          std::string_view new_name) -> base::Result<void> {
        if (!to) return base::Errno(ESTALE);
        if (is_control(to_inode, new_name)) return base::Errno(EPERM);
        const auto mode = to_mode(flags);
        if (!mode) return base::Errno(EINVAL);
        return call.tree.rename(call.inode, old_name, to, new_name, *mode, call.caller(),
                                call.wait);
      },
      std::string_view(asked_new_name));
}

}  // namespace

void add_name_handlers(fuse_lowlevel_ops& operations) {
  operations.lookup = on_lookup;
  operations.forget = on_forget;
  operations.forget_multi = on_forget_multi;
  operations.readlink = on_readlink;
  operations.mknod = on_mknod;
  operations.mkdir = on_mkdir;
  operations.unlink = on_unlink;
  operations.rmdir = on_rmdir;
  operations.symlink = on_symlink;
  operations.rename = on_rename;
  operations.link = on_link;
}

}  // namespace scratchfs::kernel
