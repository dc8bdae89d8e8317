// A scratchfs mount for one test, checked when it ends.
#pragma once

#include <sys/types.h>

#include <iosfwd>
#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"

namespace scratchfs::harness {

enum class Transport { dev_fuse, io_uring };
std::string name_of(Transport transport);
// For INSTANTIATE_TEST_SUITE_P: names tests by their transport.
struct TransportName {
  template <typename Info>
  std::string operator()(const Info& info) const {
    return name_of(info.param);
  }
};
void PrintTo(Transport transport, std::ostream* out);

struct MountSettings {
  std::string options = "";  // as after -o; the transport is added
  Transport transport = Transport::dev_fuse;
  bool daemonize = false;  // without -f: the command returns and the daemon keeps running
  Who who;                 // the user who mounts
  std::string at;          // mountpoint; "": a new directory
  std::vector<std::string> environment;
};

// Path of the program under test: $SCRATCHFS_BIN, or else SCRATCHFS_BUILT (what ctest built).
const std::string& scratchfs_binary();

// Mounts in the constructor and unmounts in the destructor. Fails the test if
// - mounting fails or takes too long;
// - the daemon's log holds a line that a healthy daemon does not write, or a sanitizer reported an
//   error;
// - after unmounting, the mount or a process of the daemon still exists, or the exit code is not 0.
class Mount {
 public:
  explicit Mount(const std::string& options, Transport transport = Transport::dev_fuse);
  explicit Mount(MountSettings settings);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  // Returns false if mounting failed; the test has failed then.
  bool alive() const { return alive_; }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  // Returns the daemon's pid; its guardian is a separate process.
  pid_t daemon() const { return daemon_; }
  // Returns all processes that this mount started.
  std::vector<pid_t> processes() const;
  unsigned connection() const { return connection_; }
  bool mounted() const;
  // Stops all threads of the daemon until SIGCONT. REQUIRES: the daemon runs in the foreground.
  void freeze() const;
  bool uses_io_uring() const { return settings_.transport == Transport::io_uring; }

  // Returns the daemon's log so far. REQUIRES: the daemon runs in the foreground.
  std::string log() const;
  // Allows log lines that contain this text.
  void tolerate(const std::string& text) { tolerated_.push_back(text); }
  // Sets the expected exit code, for tests that end the daemon in their own way.
  void tolerate_exit_code(int code) { exit_code_ = code; }

  // Unmounts with umount(2) and runs all checks of the class; the destructor then does nothing.
  void unmount();
  // Runs all checks of the class, for a test that has ended the mount by other means.
  void expect_gone();

 private:
  std::vector<std::string> command_line() const;
  void start();
  void start_in_foreground();
  void start_daemonized();
  bool came_up();
  void check_processes();
  void check_log();
  void give_up();

  MountSettings settings_;
  // Holds the log, the sanitizers' reports and, unless one is given, the mountpoint.
  std::string base_;
  std::string path_;
  std::vector<std::string> tolerated_;
  bool alive_ = false;
  bool done_ = false;
  int exit_code_ = 0;
  pid_t daemon_ = -1;  // in the foreground: a child of this process
  unsigned connection_ = 0;
  int mount_id_ = 0;
};

// A tmpfs whose root has the same mode, for comparison.
class Tmpfs {
 public:
  Tmpfs();
  ~Tmpfs();
  Tmpfs(const Tmpfs&) = delete;
  Tmpfs& operator=(const Tmpfs&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace scratchfs::harness
