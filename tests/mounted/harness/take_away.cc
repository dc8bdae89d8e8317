#include "tests/mounted/harness/take_away.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>

namespace scratchfs::harness {

void take_away(const std::string& path) {
  if (umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0) return;
  ADD_FAILURE() << "umount " << path << ": " << std::strerror(errno);
  umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

}  // namespace scratchfs::harness
