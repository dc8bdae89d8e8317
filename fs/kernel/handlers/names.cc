// Handlers for names: LOOKUP, FORGET, MKNOD, MKDIR, SYMLINK, READLINK, LINK, UNLINK, RMDIR, RENAME.
#include <fcntl.h>
#include <linux/fs.h>

#include <string_view>

#include "fs/kernel/handlers/convert.h"
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

EntryReply control_entry(Context& context) {
  EntryReply entry;
  entry.entry = to_entry(context.control.attributes(0), false);
  return entry;
}

base::Result<EntryReply> to_result(Context& context, const base::Result<tree::Found>& found) {
  if (!found) return found.error();
  return to_entry(context, *found);
}

base::Result<Done> to_result(const base::Result<void>& done) {
  if (!done) return done.error();
  return Done{};
}

}  // namespace

void on_lookup(fuse_req_t raw, fuse_ino_t parent, const char* asked_name) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::lookup, parent,
      [&context, parent, directory = context.tree.find(parent)](
          Request&, base::Wait wait, std::string_view name) -> base::Result<EntryReply> {
        if (!directory) return base::Errno(ESTALE);
        if (is_control(parent, name)) return control_entry(context);
        const auto found = context.tree.lookup(directory, name, wait);
        if (found.is(base::Errno(ENOENT))) return no_entry();
        return to_result(context, found);
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

void on_mknod(fuse_req_t raw, fuse_ino_t parent, const char* asked_name, mode_t mode,
              dev_t device) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::mknod, parent,
      [&context, parent, mode, device, directory = context.tree.find(parent)](
          Request& request, base::Wait wait, std::string_view name) -> base::Result<EntryReply> {
        if (!directory) return base::Errno(ESTALE);
        if (is_control(parent, name)) return base::Errno(EEXIST);
        return to_result(context,
                         context.tree.make(directory, name, mode, device, request.caller(), wait));
      },
      std::string_view(asked_name));
}

void on_mkdir(fuse_req_t raw, fuse_ino_t parent, const char* asked_name, mode_t mode) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::mkdir, parent,
      [&context, parent, mode, directory = context.tree.find(parent)](
          Request& request, base::Wait wait, std::string_view name) -> base::Result<EntryReply> {
        if (!directory) return base::Errno(ESTALE);
        if (is_control(parent, name)) return base::Errno(EEXIST);
        const mode_t typed = S_IFDIR | (mode & 07777);
        return to_result(context,
                         context.tree.make(directory, name, typed, 0, request.caller(), wait));
      },
      std::string_view(asked_name));
}

void on_symlink(fuse_req_t raw, const char* asked_target, fuse_ino_t parent,
                const char* asked_name) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::symlink, parent,
      [&context, parent, directory = context.tree.find(parent)](
          Request& request, base::Wait wait, std::string_view name,
          std::string_view target) -> base::Result<EntryReply> {
        if (!directory) return base::Errno(ESTALE);
        if (is_control(parent, name)) return base::Errno(EEXIST);
        return to_result(context,
                         context.tree.symlink(directory, name, target, request.caller(), wait));
      },
      std::string_view(asked_name), std::string_view(asked_target));
}

void on_readlink(fuse_req_t raw, fuse_ino_t id) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::readlink, id,
      [&context, inode = context.tree.find(id)](Request&, base::Wait) -> base::Result<Text> {
        if (!inode) return base::Errno(ESTALE);
        auto target = context.tree.read_link(inode);
        if (!target) return target.error();
        return Text{*std::move(target)};
      });
}

void on_link(fuse_req_t raw, fuse_ino_t id, fuse_ino_t parent, const char* asked_name) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::link, id,
      [&context, parent, inode = context.tree.find(id), directory = context.tree.find(parent)](
          Request& request, base::Wait wait, std::string_view name) -> base::Result<EntryReply> {
        if (!inode || !directory) return base::Errno(ESTALE);
        if (is_control(parent, name)) return base::Errno(EEXIST);
        return to_result(context,
                         context.tree.link(inode, directory, name, request.caller(), wait));
      },
      std::string_view(asked_name));
}

void on_unlink(fuse_req_t raw, fuse_ino_t parent, const char* asked_name) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::unlink, parent,
      [&context, parent, directory = context.tree.find(parent)](
          Request&, base::Wait wait, std::string_view name) -> base::Result<Done> {
        if (!directory) return base::Errno(ESTALE);
        if (is_control(parent, name)) return base::Errno(EPERM);
        return to_result(context.tree.unlink(directory, name, wait));
      },
      std::string_view(asked_name));
}

void on_rmdir(fuse_req_t raw, fuse_ino_t parent, const char* asked_name) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::rmdir, parent,
      [&context, directory = context.tree.find(parent)](
          Request&, base::Wait wait, std::string_view name) -> base::Result<Done> {
        if (!directory) return base::Errno(ESTALE);
        return to_result(context.tree.rmdir(directory, name, wait));
      },
      std::string_view(asked_name));
}

void on_rename(fuse_req_t raw, fuse_ino_t from_id, const char* asked_old_name, fuse_ino_t to_id,
               const char* asked_new_name, unsigned flags) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, Opcode::rename, from_id,
      [&context, from_id, to_id, flags, from = context.tree.find(from_id),
       to = context.tree.find(to_id)](Request& request, base::Wait wait, std::string_view old_name,
                                      std::string_view new_name) -> base::Result<Done> {
        if (!from || !to) return base::Errno(ESTALE);
        if (is_control(from_id, old_name) || is_control(to_id, new_name)) return base::Errno(EPERM);
        auto mode = tree::RenameMode::replace;
        if (flags == RENAME_NOREPLACE) {
          mode = tree::RenameMode::no_replace;
        } else if (flags == RENAME_EXCHANGE) {
          mode = tree::RenameMode::exchange;
        } else if (flags != 0) {
          return base::Errno(EINVAL);
        }
        return to_result(
            context.tree.rename(from, old_name, to, new_name, mode, request.caller(), wait));
      },
      std::string_view(asked_old_name), std::string_view(asked_new_name));
}

}  // namespace scratchfs::kernel
