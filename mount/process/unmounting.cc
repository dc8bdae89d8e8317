#include "mount/process/unmounting.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "fs/base/child_process.h"
#include "fs/mounts/mount_point.h"

namespace scratchfs::mount {

namespace {

constexpr const char* kHelper = "fusermount3";

struct Finished {
  int status = 0;  // waitpid(2)
  std::string errors;
};

std::string drain(int descriptor) {
  std::string text;
  std::array<char, 512> buffer{};
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return text;
  }
}

// Starts the helper with no signal blocked or ignored, its stderr at `errors`. An errno, or 0.
int spawn_helper(const std::vector<const char*>& arguments, int errors, pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const char* argument : arguments) argv.push_back(const_cast<char*>(argument));
  argv.push_back(nullptr);
  const int error = ::posix_spawnp(&child, kHelper, &actions, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

base::Result<Finished> run_helper(const std::vector<const char*>& arguments) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return base::Errno(errno);
  pid_t child = 0;
  const int error = spawn_helper(arguments, pipe[1], child);
  ::close(pipe[1]);
  Finished finished;
  if (error == 0) finished.errors = drain(pipe[0]);
  ::close(pipe[0]);
  if (error != 0) return base::Errno(error);
  const auto status = base::wait_for_end(child);
  if (!status) return status.error();
  finished.status = *status;
  return finished;
}

// Looks at a path that somebody may be moving about all the time: each finds it with a chance.
constexpr int kLooks = 200;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Outcome<void> unmount_as_user(const std::string& mountpoint, Detach detach) {
  std::vector<const char*> arguments{kHelper, "-u"};
  if (detach != Detach::when_unused) arguments.push_back("-z");
  arguments.push_back("--");
  arguments.push_back(mountpoint.c_str());
  const auto finished = run_helper(arguments);
  if (!finished) return failed(std::string(kHelper), finished.error().value());
  if (WIFEXITED(finished->status) && WEXITSTATUS(finished->status) == 0) return {};
  const std::string why = first_line(finished->errors);
  return failed(mountpoint + ": cannot be unmounted" + (why.empty() ? "" : ": " + why) +
                "; to see who uses it: fuser -vm " + mountpoint);
}

int flags_of(Detach detach) {
  switch (detach) {
    case Detach::when_unused:
      return 0;
    case Detach::at_once:
      return MNT_DETACH;
    case Detach::dead:
      // The kernel ends the connection only once it has closed what the daemon had open, its rings
      // for one, and takes requests until then. Forced, it ends now.
      return MNT_DETACH | MNT_FORCE;
  }
  return 0;
}

Refusal busy(const std::string& path) {
  return failed(path + ": busy; to see who uses it: fuser -vm " + path);
}

// Where the mount is seen now; empty: nowhere.
std::string path_now(const MountEntry& mount) {
  const MountTable table = read_mount_table();
  for (const MountEntry& entry : table) {
    if (entry.id == mount.id && entry.device == mount.device) return entry.mountpoint;
  }
  return {};
}

}  // namespace

Outcome<void> unmount(const MountEntry& mount, Detach detach) {
  int flags = flags_of(detach);
  std::string path = mount.mountpoint;
  int error = 0;
  for (int look = 0; look < kLooks && !path.empty(); ++look) {
    const auto unmounted = base::unmount(path, mount.number(), flags);
    if (unmounted) return {};
    error = unmounted.error().value();
    // Only root of the whole machine may force.
    if (error == EPERM && (flags & MNT_FORCE) != 0) {
      flags &= ~MNT_FORCE;
      continue;
    }
    if (error == EPERM) return unmount_as_user(path, detach);
    if (error == EBUSY) return busy(path);
    if (error != ESTALE && error != ENOENT && error != ENOTDIR && error != EINVAL) break;
    path = path_now(mount);
  }
  if (path.empty() || error == ESTALE) return failed(mount.mountpoint + ": not mounted");
  return failed(path, error);
}

}  // namespace scratchfs::mount
