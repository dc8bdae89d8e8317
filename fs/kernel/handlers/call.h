// The frame of the handlers: finds what a request is about, runs the operation, at once or parked,
// and makes a reply of the tree's result.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "fs/kernel/handlers/convert.h"

namespace scratchfs::kernel {

using HandleRef = std::shared_ptr<tree::Handle>;

// What an operation gets besides its arguments.
struct Call {
  Context& context;
  Request& request;
  base::Wait wait;
  const tree::InodeRef& inode;  // null: the control file's, unknown to the tree, or not asked for
  const HandleRef& handle;      // the same
  tree::Tree& tree = context.tree;

  tree::Caller caller() const { return request.caller(); }
  bool is_for_control() const { return request.inode() == kControlId; }
};

// Each makes a reply of a result of the tree; the last one passes on what is a reply already.
inline base::Result<Done> to_reply(Context& /*context*/, const base::Result<void>& done) {
  if (!done) return done.error();
  return Done{};
}
inline base::Result<EntryReply> to_reply(Context& context, const base::Result<tree::Found>& found) {
  if (!found) return found.error();
  return to_entry(context, *found);
}
inline base::Result<Attr> to_reply(Context& /*context*/,
                                   const base::Result<tree::Attributes>& attributes) {
  if (!attributes) return attributes.error();
  return to_attr(*attributes);
}
template <typename Reply>
base::Result<Reply> to_reply(Context& /*context*/, base::Result<Reply> reply) {
  return reply;
}

// Runs `op(call, arguments...)` and replies with its result, through to_reply(). Otherwise as
// run_or_park().
template <typename Op, typename... Arguments>
void on_objects(fuse_req_t raw, Opcode opcode, fuse_ino_t inode, tree::InodeRef found,
                HandleRef handle, Op op, Arguments... arguments) {
  Context& context = context_of(raw);
  run_or_park(
      context, raw, opcode, inode,
      [&context, op = std::move(op), found = std::move(found), handle = std::move(handle)](
          Request& request, base::Wait wait, const auto&... kept) {
        return to_reply(context, op(Call{context, request, wait, found, handle}, kept...));
      },
      arguments...);
}

// The same with the inode of that number.
template <typename Op, typename... Arguments>
void on_inode(fuse_req_t raw, Opcode opcode, fuse_ino_t inode, Op op, Arguments... arguments) {
  on_objects(raw, opcode, inode, context_of(raw).tree.find(inode), nullptr, std::move(op),
             arguments...);
}

// The same, but fails with the error `missing` if there is no inode.
template <typename Op, typename... Arguments>
void on_existing(fuse_req_t raw, Opcode opcode, fuse_ino_t inode, int missing, Op op,
                 Arguments... arguments) {
  on_inode(
      raw, opcode, inode,
      [missing, op = std::move(op)](const Call& call, const auto&... kept) {
        using Result = decltype(op(call, kept...));
        return call.inode ? op(call, kept...) : Result(base::Errno(missing));
      },
      arguments...);
}

// Runs `op(call, name, arguments...)` with the directory `parent`. Fails with the error
// `for_control` if the name is the control file's.
template <typename Op, typename... Arguments>
void on_name(fuse_req_t raw, Opcode opcode, fuse_ino_t parent, const char* name, int for_control,
             Op op, Arguments... arguments) {
  on_existing(
      raw, opcode, parent, ESTALE,
      [parent, for_control, op = std::move(op)](const Call& call, std::string_view kept_name,
                                                const auto&... kept) {
        using Result = decltype(op(call, kept_name, kept...));
        return is_control(parent, kept_name) ? Result(base::Errno(for_control))
                                             : op(call, kept_name, kept...);
      },
      std::string_view(name), arguments...);
}

inline HandleRef handle_of(Context& context, fuse_ino_t inode, const fuse_file_info* file) {
  return file == nullptr || inode == kControlId ? nullptr : context.tree.handle(file->fh);
}

// Runs `op(call, arguments...)` with the handle of an open file.
template <typename Op, typename... Arguments>
void on_handle(fuse_req_t raw, Opcode opcode, fuse_ino_t inode, const fuse_file_info* file, Op op,
               Arguments... arguments) {
  on_objects(raw, opcode, inode, nullptr, handle_of(context_of(raw), inode, file), std::move(op),
             arguments...);
}

}  // namespace scratchfs::kernel
