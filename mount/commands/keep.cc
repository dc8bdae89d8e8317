// `scratchfs keep` and `unkeep`: set or lift the mark that keeps a file after its creators are
// gone.
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "fs/kernel/handlers/lifetime_xattr.h"
#include "mount/commands/commands.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

namespace {

Refusal refusal_for(const std::string& path, int error, bool link_itself) {
  struct stat status {};
  switch (error) {
    case EOPNOTSUPP:
      return failed(path + ": not on a scratchfs");
    case EPERM:
      return failed(path + ": only its owner and root may set or lift the mark");
    case EINVAL:
      return failed(path +
                    ": is the mount itself; name what is in it, or mount with -o lifetime=mount");
    case ENOENT:
      if (!link_itself && ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode))
        return failed(path + ": points to nothing; for the link itself: -P");
      break;
    default:
      break;
  }
  return failed(path, error);
}

}  // namespace

int run(const KeepCommand& command) {
  const std::string_view value = command.keep ? kernel::kKeep : kernel::kAuto;
  const auto set = command.link_itself ? &::lsetxattr : &::setxattr;
  int exit_code = kFine;
  for (const std::string& path : command.paths) {
    if (set(path.c_str(), kernel::kLifetimeXattr, value.data(), value.size(), 0) == 0) continue;
    exit_code = complain(refusal_for(path, errno, command.link_itself));
  }
  return exit_code;
}

}  // namespace scratchfs::mount
