// A scratchfs mounted for one test, checked when it goes.
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
// For INSTANTIATE_TEST_SUITE_P: names a test after its transport.
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
  bool daemonize = false;  // without -f: the command returns and the daemon stays
  Who who;                 // who mounts
  std::string at;          // "": a new directory
  std::vector<std::string> environment;
};

// The program under test: the variable SCRATCHFS_BIN, else SCRATCHFS_BUILT (what ctest built).
const std::string& scratchfs_binary();

// Mounts in the constructor, unmounts in the destructor, and fails the test where
//  - mounting fails or takes too long,
//  - the daemon's log holds a line that a healthy daemon does not write, or a sanitizer reported
//  something,
//  - after unmounting, a process of the daemon, or the mount, is still there, or the exit code is
//  not 0.
class Mount {
 public:
  explicit Mount(const std::string& options, Transport transport = Transport::dev_fuse);
  explicit Mount(MountSettings settings);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  // False: mounting failed, and the test has been failed.
  bool alive() const { return alive_; }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  // The daemon; its guardian is another process.
  pid_t daemon() const { return daemon_; }
  // All processes that this mount brought.
  std::vector<pid_t> processes() const;
  unsigned connection() const { return connection_; }
  bool mounted() const;
  // Stops the daemon, all threads of it, until SIGCONT. Only where it does not daemonize.
  void freeze() const;
  bool uses_io_uring() const { return settings_.transport == Transport::io_uring; }

  // What the daemon said so far. Only where it does not daemonize.
  std::string log() const;
  // Log lines with this text are expected of this test.
  void tolerate(const std::string& text) { tolerated_.push_back(text); }
  // For tests that end the daemon in a way of their own.
  void tolerate_exit_code(int code) { exit_code_ = code; }

  // umount(2), then all checks of the class; the destructor then has nothing left to do.
  void unmount();
  // All checks of the class, for a test that ended the mount by other means.
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
  std::string base_;  // holds the log, the sanitizers' reports and, unless given, the mountpoint
  std::string path_;
  std::vector<std::string> tolerated_;
  bool alive_ = false;
  bool done_ = false;
  int exit_code_ = 0;
  pid_t daemon_ = -1;  // in the foreground: our child
  unsigned connection_ = 0;
  int mount_id_ = 0;
};

// A tmpfs with the same rules about its root, for comparison.
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
