#include "tests/mounted/harness/mount.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ostream>

#include "tests/mounted/harness/daemon_log.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/proc.h"
#include "tests/mounted/harness/take_away.h"

namespace scratchfs::harness {
namespace {

std::string join_options(const MountSettings& settings) {
  std::string options = settings.options;
  if (options.find("io_uring=") == std::string::npos) {
    options += options.empty() ? "" : ",";
    options += settings.transport == Transport::io_uring ? "io_uring=on" : "io_uring=off";
  }
  return options;
}

std::string last_lines(const std::string& text) {
  return text.size() > 4000 ? "..." + text.substr(text.size() - 4000) : text;
}

const MountEntry* find_mount(const std::vector<MountEntry>& mounts, const std::string& path) {
  const auto found = std::find_if(mounts.rbegin(), mounts.rend(), [&](const MountEntry& mount) {
    return mount.path == path && is_fuse(mount);
  });
  return found == mounts.rend() ? nullptr : &*found;
}

}  // namespace

std::string name_of(Transport transport) {
  return transport == Transport::io_uring ? "io_uring" : "dev_fuse";
}

void PrintTo(Transport transport, std::ostream* out) { *out << name_of(transport); }

const std::string& scratchfs_binary() {
  static const std::string binary = [] {
    for (const char* variable : {"SCRATCHFS_BIN", "SCRATCHFS_BUILT"}) {
      if (const char* named = std::getenv(variable)) return std::string(named);
    }
    return std::string("scratchfs");
  }();
  return binary;
}

Mount::Mount(const std::string& options, Transport transport)
    : Mount(MountSettings{.options = options, .transport = transport}) {}

Mount::Mount(MountSettings settings) : settings_(std::move(settings)) {
  ensure_environment();
  base_ = make_directory("mount");
  chmod(base_.c_str(), 01777);  // whoever mounts writes sanitizer reports here
  path_ = settings_.at;
  if (path_.empty()) {
    path_ = base_ + "/mnt";
    mkdir(path_.c_str(), 0755);
    if (chown(path_.c_str(), settings_.who.uid, settings_.who.gid) != 0) {
      ADD_FAILURE() << "chown " << path_ << ": " << std::strerror(errno);
    }
  }
  start();
  if (!alive_) {
    ADD_FAILURE() << "scratchfs did not mount with " << join_options(settings_) << "; it said:\n"
                  << last_lines(log()) << reports_in(base_);
    give_up();
  }
}

Mount::~Mount() {
  if (!done_) {
    unmount();
  }
}

std::vector<std::string> Mount::command_line() const {
  std::vector<std::string> words = {scratchfs_binary(), path_, "-o", join_options(settings_)};
  if (!settings_.daemonize) {
    words.emplace_back("-f");
  }
  return words;
}

void Mount::start() {
  for (const std::string& setting : sanitizer_environment(base_)) {
    settings_.environment.push_back(setting);
  }
  if (settings_.daemonize) {
    start_daemonized();
  } else {
    start_in_foreground();
  }
}

void Mount::start_in_foreground() {
  Child child(settings_.who, [&](Channel&) {
    const int log = open((base_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(nothing, 0);
    dup2(log, 1);
    dup2(log, 2);
    for (const std::string& setting : settings_.environment) {
      putenv(strdup(setting.c_str()));
    }
    std::vector<std::string> words = command_line();
    std::vector<char*> arguments;
    for (std::string& word : words) {
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    dprintf(2, "%s: %s\n", arguments[0], std::strerror(errno));
    _exit(127);
  });
  daemon_ = child.release();
  entrust_process(daemon_);
  const bool decided = eventually(
      [&] {
        int status = 0;
        if (waitpid(daemon_, &status, WNOHANG) == daemon_) {
          daemon_ = -1;
          return true;
        }
        return came_up();
      },
      20);
  alive_ = decided && daemon_ > 0;
}

void Mount::start_daemonized() {
  const Finished finished = run(
      command_line(), {.who = settings_.who, .environment = settings_.environment, .seconds = 20});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(without_swap_warning(finished.err), "") << "mounting must print nothing";
  // No waiting: the mount must exist once the command has returned.
  alive_ = finished.code == 0 && came_up();
  for (const pid_t pid : processes()) {
    entrust_process(pid);
  }
  if (alive_ && !processes().empty()) {
    daemon_ = processes().front();
    for (const pid_t pid : processes()) {  // the daemon has more threads than its guardian
      daemon_ = status_kb(pid, "Threads") > status_kb(daemon_, "Threads") ? pid : daemon_;
    }
  }
}

// The kernel holds statfs until the daemon has answered INIT, so its return means that the mount is
// up. Users who may not access another user's mount get an answer from the kernel at once.
bool Mount::came_up() {
  const auto mounts = mounts_below(path_);
  const MountEntry* mount = find_mount(mounts, path_);
  if (mount == nullptr) {
    return false;
  }
  connection_ = mount->device_minor;
  mount_id_ = mount->id;
  struct statfs info {};
  if (settings_.who.uid == getuid()) return statfs(path_.c_str(), &info) == 0;
  return run({"stat", "-f", "--", path_}, {.who = settings_.who}).code == 0;
}

bool Mount::mounted() const {
  const auto mounts = mounts_below(path_);
  return std::any_of(mounts.begin(), mounts.end(),
                     [&](const MountEntry& mount) { return mount.id == mount_id_; });
}

void Mount::freeze() const {
  ASSERT_EQ(::kill(daemon_, SIGSTOP), 0);
  siginfo_t stopped{};  // reported once the last thread has stopped
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(daemon_), &stopped, WSTOPPED | WNOWAIT), 0);
}

std::vector<pid_t> Mount::processes() const { return processes_naming(path_); }

std::string Mount::log() const { return read_text(base_ + "/log"); }

void Mount::unmount() {
  if (!alive_) {
    return;
  }
  take_away(path_);
  expect_gone();
}

void Mount::expect_gone() {
  if (!alive_) {
    return;
  }
  done_ = true;
  check_processes();
  EXPECT_TRUE(eventually([&] { return !mounted(); }, 5)) << path_ << " is still mounted";
  struct stat info {};
  EXPECT_EQ(stat(path_.c_str(), &info), 0)
      << "the mountpoint is unusable: " << std::strerror(errno);
  check_log();
  give_up();
}

void Mount::check_processes() {
  if (daemon_ > 0 && !settings_.daemonize) {
    int status = 0;
    const bool ended =
        eventually([&] { return waitpid(daemon_, &status, WNOHANG) == daemon_; }, 15);
    if (!ended) {
      ADD_FAILURE() << "the daemon is still running:\n" << describe_threads(daemon_);
      return;
    }
    daemon_ = -1;
    const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    EXPECT_EQ(code, exit_code_) << "the daemon's exit code; its log:\n" << last_lines(log());
  }
  if (!eventually([&] { return processes().empty(); }, 10)) {
    for (const pid_t pid : processes()) {
      ADD_FAILURE() << "a process is left over: " << describe_process(pid) << "\n"
                    << describe_threads(pid);
    }
  }
}

void Mount::check_log() {
  for (const std::string& line : suspicious_lines(log(), tolerated_)) {
    ADD_FAILURE() << "the daemon's log says: " << line;
  }
  const std::string reports = reports_in(base_);
  EXPECT_EQ(reports, "") << "a sanitizer's report";
}

// Cleans up after a failure, so that it does not disturb the next test.
void Mount::give_up() {
  done_ = true;
  if (daemon_ > 0) {
    if (mounted()) {  // otherwise the kernel may have reused its number
      abort_connection(connection_);
    }
    ::kill(daemon_, SIGKILL);
    if (!settings_.daemonize) {
      waitpid(daemon_, nullptr, 0);
    }
    daemon_ = -1;
  }
  for (int round = 0; round < 10 && mounted() && mount_id_ != 0; ++round) {
    umount2(path_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

Tmpfs::Tmpfs() : path_(make_directory("tmpfs")) {
  if (::mount("tmpfs", path_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=4g") != 0) {
    ADD_FAILURE() << "mount tmpfs: " << std::strerror(errno);
  }
}

Tmpfs::~Tmpfs() { take_away(path_); }

}  // namespace scratchfs::harness
