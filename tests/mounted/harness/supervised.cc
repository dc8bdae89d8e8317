#include "tests/mounted/harness/supervised.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/pace.h"

namespace scratchfs::harness {
namespace {

// Checks first that the mount is served: the directory below would take files from root, too.
bool takes_a_file(const std::string& path) {
  if (!is_served(path)) return false;
  const Fd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statfs info {};
  if (fstatfs(directory.get(), &info) != 0 || info.f_type != FUSE_SUPER_MAGIC) return false;
  return Fd(openat(directory.get(), "probe", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).valid();
}

}  // namespace

pid_t serving_daemon(const Mount& mount) { return status_of(mount)["pid"].get<pid_t>(); }

bool is_served(const std::string& path) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 && info.f_type == FUSE_SUPER_MAGIC;
}

Away kill_and_await_next(const Mount& mount) {
  const pid_t daemon = serving_daemon(mount);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(::kill(daemon, SIGKILL), 0);
  Away away;
  // The supervisor reaps a daemon only once its mount is gone.
  away.back = eventually([&] { return ::kill(daemon, 0) != 0 && takes_a_file(mount.path()); }, 30);
  away.lasted = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - before);
  return away;
}

}  // namespace scratchfs::harness
