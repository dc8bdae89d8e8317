// Handlers for extended attributes: SETXATTR, GETXATTR, LISTXATTR, REMOVEXATTR; among the
// attributes is the one that shows and sets a file's lifetime.
#include <sys/xattr.h>

#include <string>
#include <string_view>
#include <variant>

#include "fs/kernel/handlers/call.h"
#include "fs/kernel/handlers/handlers.h"
#include "fs/kernel/handlers/lifetime_xattr.h"

namespace scratchfs::kernel {

namespace {

constexpr std::string_view kTrusted = "trusted.";
// SELinux does not label the files of a FUSE mount individually. `ls -l` asks for this attribute of
// every file until it gets EOPNOTSUPP.
constexpr std::string_view kSelinux = "security.selinux";

using TextOrSize = std::variant<Text, XattrSize>;

// Builds the reply as getxattr(2) specifies: size 0 asks for the size, too small a size is ERANGE.
base::Result<TextOrSize> fit(std::string value, std::size_t room) {
  if (room == 0) return TextOrSize(XattrSize{value.size()});
  if (value.size() > room) return base::Errno(ERANGE);
  return TextOrSize(Text{std::move(value)});
}

// Checks that the namespace is supported (xattr(7)). ACLs in `system.` are not: they would have to
// be evaluated and inherited here, otherwise the kernel does not offer them.
base::Result<void> check_name(std::string_view name) {
  if (name == kSelinux) return base::Errno(EOPNOTSUPP);
  for (const std::string_view prefix :
       {std::string_view("user."), kTrusted, std::string_view("security.")}) {
    if (name == prefix) return base::Errno(EINVAL);
    if (name.starts_with(prefix)) return {};
  }
  return base::Errno(EOPNOTSUPP);
}

tree::XattrSet to_set(int flags) {
  switch (flags & (XATTR_CREATE | XATTR_REPLACE)) {
    case XATTR_CREATE:
      return tree::XattrSet::create;
    case XATTR_REPLACE:
      return tree::XattrSet::replace;
    case XATTR_CREATE | XATTR_REPLACE:
      return tree::XattrSet::create_and_replace;
    default:
      return tree::XattrSet::any;
  }
}

// Removes `trusted.` names: they are for callers with CAP_SYS_ADMIN (xattr(7)), and the kernel
// leaves hiding them to the file system.
std::string without_trusted(const std::string& names) {
  std::string shown;
  for (std::size_t at = 0; at < names.size();) {
    const std::string_view name(names.c_str() + at);
    if (!name.starts_with(kTrusted)) shown.append(name).push_back('\0');
    at += name.size() + 1;
  }
  return shown;
}

// Whether the caller could change the file.
bool is_owner(const Call& call) {
  const uid_t caller = call.caller().uid;
  return caller == 0 || caller == call.inode->attributes().uid;
}

base::Result<void> set_lifetime(const Call& call, std::string_view value) {
  if (!is_owner(call)) return base::Errno(EPERM);
  if (value != kKeep && value != kAuto) return base::Errno(EINVAL);
  return call.tree.set_kept(call.inode, value == kKeep, call.wait);
}

// Only those who could change the file see names and process ids: a directory above may be closed
// to others, and /proc may hide processes from them.
base::Result<TextOrSize> lifetime(const Call& call, std::size_t room) {
  auto words = call.tree.describe_holders(
      call.inode, is_owner(call) ? tree::Tree::Detail::full : tree::Tree::Detail::brief, call.wait);
  if (!words) return words.error();
  // Processes come and go between the two calls, so the size includes some spare room.
  constexpr std::size_t kSpare = 64;
  if (room == 0) return TextOrSize(XattrSize{words->size() + kSpare});
  return fit(*std::move(words), room);
}

void on_setxattr(fuse_req_t raw, fuse_ino_t inode, const char* asked_name, const char* asked_value,
                 std::size_t size, int flags) {
  on_existing(
      raw, Opcode::setxattr, inode, EPERM,
      [flags](const Call& call, std::string_view name,
              std::string_view value) -> base::Result<void> {
        if (name == kLifetimeXattr) return set_lifetime(call, value);
        if (const auto valid = check_name(name); !valid) return valid;
        return call.tree.set_xattr(call.inode, name, value, to_set(flags));
      },
      std::string_view(asked_name), std::string_view(asked_value, size));
}

void on_getxattr(fuse_req_t raw, fuse_ino_t inode, const char* asked_name, std::size_t size) {
  on_existing(
      raw, Opcode::getxattr, inode, ENODATA,
      [size](const Call& call, std::string_view name) -> base::Result<TextOrSize> {
        if (name == kLifetimeXattr) return lifetime(call, size);
        if (const auto valid = check_name(name); !valid) return valid.error();
        const auto value = call.tree.xattr(call.inode, name);
        if (!value) return value.error();
        return fit(*value, size);
      },
      std::string_view(asked_name));
}

void on_listxattr(fuse_req_t raw, fuse_ino_t inode, std::size_t size) {
  on_inode(raw, Opcode::listxattr, inode, [size](const Call& call) {
    if (!call.inode) return fit({}, size);
    std::string names = call.tree.xattr_names(call.inode);
    return fit(call.caller().uid == 0 ? std::move(names) : without_trusted(names), size);
  });
}

void on_removexattr(fuse_req_t raw, fuse_ino_t inode, const char* asked_name) {
  on_existing(
      raw, Opcode::removexattr, inode, ENODATA,
      [](const Call& call, std::string_view name) -> base::Result<void> {
        if (name == kLifetimeXattr) return set_lifetime(call, kAuto);
        // `setfacl -b` accepts that there is no ACL, but not that there cannot be one.
        if (name.starts_with("system.posix_acl_")) return base::Errno(ENODATA);
        if (const auto valid = check_name(name); !valid) return valid;
        return call.tree.remove_xattr(call.inode, name);
      },
      std::string_view(asked_name));
}

}  // namespace

void add_xattr_handlers(fuse_lowlevel_ops& operations) {
  operations.setxattr = on_setxattr;
  operations.getxattr = on_getxattr;
  operations.listxattr = on_listxattr;
  operations.removexattr = on_removexattr;
}

}  // namespace scratchfs::kernel
