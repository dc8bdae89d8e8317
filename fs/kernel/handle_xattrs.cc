// Requests on extended attributes: SETXATTR, GETXATTR, LISTXATTR, REMOVEXATTR; and the one that
// tells and sets lifetimes.
#include <sys/xattr.h>

#include <string>
#include <string_view>
#include <variant>

#include "fs/kernel/convert.h"
#include "fs/kernel/handlers.h"

namespace scratchfs::kernel {

namespace {

// In `system.`, not `user.`: the kernel refuses `user.` on FIFOs, sockets, symlinks and read-only
// files.
constexpr std::string_view kLifetime = "system.scratchfs.lifetime";
// ACLs would have to be evaluated and inherited here; the kernel does not offer them without that.
constexpr std::string_view kAcl = "system.posix_acl_";

using TextOrSize = std::variant<Text, XattrSize>;

// getxattr(2): size 0 asks how much room it takes; too little room is ERANGE.
base::Result<TextOrSize> fit(std::string value, std::size_t room) {
  if (room == 0) return TextOrSize(XattrSize{value.size()});
  if (value.size() > room) return base::Errno(ERANGE);
  return TextOrSize(Text{std::move(value)});
}

base::Result<Done> set_lifetime(Context& context, const tree::InodeRef& inode,
                                std::string_view value, uid_t caller) {
  if (caller != 0 && caller != inode->attributes().uid) return base::Errno(EPERM);
  if (value != "keep" && value != "auto") return base::Errno(EINVAL);
  context.tree.set_kept(inode, value == "keep");
  return Done{};
}

}  // namespace

void on_setxattr(fuse_req_t raw, fuse_ino_t id, const char* asked_name, const char* asked_value,
                 std::size_t size, int flags) {
  Context& context = context_of(raw);
  serve(
      context, raw, Opcode::setxattr, id,
      [&context, flags, inode = context.tree.find(id)](
          Request& request, base::Wait, std::string_view name,
          std::string_view value) -> base::Result<Done> {
        if (!inode) return base::Errno(EPERM);
        if (name == kLifetime) return set_lifetime(context, inode, value, request.caller().uid);
        if (name.starts_with("system.")) return base::Errno(EOPNOTSUPP);
        auto how = tree::XattrSet::any;
        if (flags == XATTR_CREATE) how = tree::XattrSet::create;
        if (flags == XATTR_REPLACE) how = tree::XattrSet::replace;
        const auto set = context.tree.set_xattr(inode, name, value, how);
        if (!set) return set.error();
        return Done{};
      },
      std::string_view(asked_name), std::string_view(asked_value, size));
}

void on_getxattr(fuse_req_t raw, fuse_ino_t id, const char* asked_name, std::size_t size) {
  Context& context = context_of(raw);
  serve(
      context, raw, Opcode::getxattr, id,
      [&context, size, inode = context.tree.find(id)](
          Request&, base::Wait, std::string_view name) -> base::Result<TextOrSize> {
        if (!inode) return base::Errno(ENODATA);
        if (name == kLifetime) return fit(context.tree.describe_holders(inode), size);
        if (name.starts_with(kAcl)) return base::Errno(EOPNOTSUPP);
        const auto value = context.tree.xattr(inode, name);
        if (!value) return value.error();
        return fit(*value, size);
      },
      std::string_view(asked_name));
}

void on_listxattr(fuse_req_t raw, fuse_ino_t id, std::size_t size) {
  Context& context = context_of(raw);
  serve(context, raw, Opcode::listxattr, id,
        [&context, size, inode = context.tree.find(id)](Request&,
                                                        base::Wait) -> base::Result<TextOrSize> {
          return fit(inode ? context.tree.xattr_names(inode) : std::string(), size);
        });
}

void on_removexattr(fuse_req_t raw, fuse_ino_t id, const char* asked_name) {
  Context& context = context_of(raw);
  serve(
      context, raw, Opcode::removexattr, id,
      [&context, inode = context.tree.find(id)](Request& request, base::Wait,
                                                std::string_view name) -> base::Result<Done> {
        if (!inode) return base::Errno(ENODATA);
        if (name == kLifetime) return set_lifetime(context, inode, "auto", request.caller().uid);
        const auto removed = context.tree.remove_xattr(inode, name);
        if (!removed) return removed.error();
        return Done{};
      },
      std::string_view(asked_name));
}

}  // namespace scratchfs::kernel
