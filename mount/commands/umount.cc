// `scratchfs umount`: unmounts and returns when the daemon, with everything it held, is gone.
#include <poll.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "fs/base/descriptor.h"
#include "fs/base/pids.h"
#include "fs/mounts/mount.h"
#include "fs/mounts/mount_point.h"
#include "fs/mounts/unmounting.h"
#include "mount/commands/commands.h"
#include "mount/control/client.h"
#include "mount/process/call_with_timeout.h"
#include "mount/process/progress.h"

namespace scratchfs::mount {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kStatusTimeout{5};
constexpr std::chrono::seconds kEndTimeout{120};

// The processes behind a mount, held by pidfd because their pids could be reused.
class Processes {
 public:
  void add(pid_t pid) {
    if (pid == 0) return;
    base::Descriptor process(base::open_pidfd(pid));
    if (process.valid()) processes_.push_back(std::move(process));
  }

  // Waits for all of them to end; returns false if some have not after `timeout`.
  bool wait_for_end(std::chrono::milliseconds timeout) const {
    const auto deadline = Clock::now() + timeout;
    for (const base::Descriptor& process : processes_) {
      pollfd waited{process.get(), POLLIN, 0};
      for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return false;
        const int ready = ::poll(&waited, 1, static_cast<int>(left.count()));
        if (ready > 0) break;
        if (ready < 0 && errno != EINTR) return false;
      }
    }
    return true;
  }

 private:
  std::vector<base::Descriptor> processes_;
};

// Gives up after a timeout: a daemon that hangs must not block its own unmount.
void find_processes(const std::string& mountpoint, Processes& processes) {
  const auto about = briefly<About>(
      [mountpoint]() -> std::optional<About> {
        auto answer = ask_daemon<About>(mountpoint, StatusRequest{StatusRequest::Detail::about});
        return answer ? std::optional<About>(*std::move(answer)) : std::nullopt;
      },
      kStatusTimeout);
  // The pid of a daemon in another pid namespace means nothing here.
  if (!about || about->pid_namespace != base::own_pid_namespace()) return;
  processes.add(about->pid);
  processes.add(about->guardian_pid);
}

bool daemon_is_dead(const mounts::Mount& mount) {
  const auto dead = briefly<bool>(
      [mount]() -> std::optional<bool> {
        const auto root = mounts::open_mount(mount.path, mount.id);
        if (!root) return std::nullopt;
        struct statfs status {};  // never answered from a cache
        return ::fstatfs(root->get(), &status) != 0 && errno == ENOTCONN;
      },
      kStatusTimeout);
  return dead.value_or(false);
}

// Detaches dead mounts, as their guardians would have if they had not been killed too. Leaves
// mounts that are alive, including any that was made there in the meantime.
int clear_away(const std::string& mountpoint) {
  base::Result<void, base::Failure> detached;
  const auto now = [] { return mounts::read_mount_table(); };
  const auto detach = [&](const mounts::Mount& mount) {
    detached = mounts::unmount(mount, mounts::Detach::dead);
    return static_cast<bool>(detached);
  };
  for (;;) {
    const mounts::MountTable table = now();
    const mounts::Mount* top = mounts::topmost_at(table, mountpoint);
    if (top == nullptr || top->type != mounts::kFileSystemType || !daemon_is_dead(*top))
      return kFine;
    mounts::detach_all(table, *top, now, detach);
    if (!detached) return complain(failed(detached.error().message));
  }
}

base::Result<void, base::Failure> unmount_and_wait(const mounts::Mount& mount) {
  const Progress progress("unmounting and wiping");
  Processes processes;
  find_processes(mount.path, processes);
  if (auto unmounted = mounts::unmount(mount, mounts::Detach::when_unused); !unmounted)
    return unmounted;
  if (!processes.wait_for_end(kEndTimeout))
    return base::Failure{mount.path + ": unmounted, but its daemon has not ended yet"};
  return {};
}

}  // namespace

int run(const UmountCommand& command) {
  const auto mountpoint = mounts::resolve_mountpoint(command.mountpoint);
  if (!mountpoint) return complain(failed(command.mountpoint, mountpoint.error().value()));
  if (command.dead) return clear_away(*mountpoint);
  const mounts::MountTable table = mounts::read_mount_table();
  const mounts::Mount* top = mounts::topmost_at(table, *mountpoint);
  if (top == nullptr || top->type != mounts::kFileSystemType) {
    return complain(failed(command.mountpoint + ": no scratchfs is mounted there"));
  }
  if (::geteuid() != 0 && top->owner() != ::geteuid()) {
    return complain(
        failed(command.mountpoint + ": only root and the user who mounted it may unmount it"));
  }
  // A lazy unmount does not wait: the daemon runs for as long as anything there is in use.
  const auto ended =
      command.lazy ? mounts::unmount(*top, mounts::Detach::at_once) : unmount_and_wait(*top);
  return ended ? kFine : complain(failed(ended.error().message));
}

}  // namespace scratchfs::mount
