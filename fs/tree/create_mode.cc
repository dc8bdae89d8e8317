#include "fs/tree/create_mode.h"

#include <sys/stat.h>

namespace scratchfs::tree {

namespace {

constexpr mode_t kPermissionBits = 07777;

mode_t private_permissions(CreateMode policy, mode_t type, mode_t requested) {
  if (type == S_IFDIR) return 0700;
  if (type == S_IFREG && policy == CreateMode::owner_only) return 0600 | (requested & S_IXUSR);
  return 0600;
}

}  // namespace

mode_t creation_mode(CreateMode policy, mode_t requested, mode_t umask) {
  const mode_t asked_type = requested & S_IFMT;
  // mknod(2): no type means a regular file.
  const mode_t type = asked_type == 0 ? S_IFREG : asked_type;
  if (type == S_IFLNK) return S_IFLNK | 0777;
  if (policy == CreateMode::posix) return type | (requested & kPermissionBits & ~umask);
  return type | private_permissions(policy, type, requested);
}

}  // namespace scratchfs::tree
