// Forked processes that play another user, another session or another program.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/mounted/harness/fd.h"

namespace scratchfs::harness {

// Users that need no entry in /etc/passwd.
inline constexpr uid_t kAlice = 61001;
inline constexpr uid_t kBob = 61002;
inline constexpr gid_t kTeam = 61100;  // a group that neither has unless told

struct Who {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  bool new_session = false;
  int cpu = -1;  // -1: any
};
Who as_user(uid_t uid, std::vector<gid_t> groups = {});

// Messages between a child and its parent. Ends with the process on the other side.
class Channel {
 public:
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}
  // At most 100 KB a message.
  void send(const std::string& message);
  // nullopt: the other side has ended.
  std::optional<std::string> receive();
  void close() { socket_.close(); }

 private:
  Fd socket_;
};

// A forked process that runs `body` and ends. Failed expectations in `body` fail the test in the
// parent, at join(). Not for processes that have threads: as after every fork, `body` must not rely
// on locks that others held.
class Child {
 public:
  Child(Who who, const std::function<void(Channel&)>& body);
  ~Child();  // kills it if it still runs
  Child(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child& operator=(Child&&) = delete;

  pid_t pid() const { return pid_; }
  Channel& channel() { return channel_; }
  void send(const std::string& message) { channel_.send(message); }
  // The next message; fails the test and gives "" where the child ended without one.
  std::string receive();
  // Waits for its end. Its exit code, or 128 + signal.
  int join();
  void kill(int signal);
  // From now on it is the caller who ends and awaits it.
  pid_t release() { return std::exchange(pid_, -1); }

 private:
  pid_t pid_ = -1;
  Channel channel_;
};

// Runs `body` as `who` in a forked process and gives what it returned.
std::string in_child(const Who& who, const std::function<std::string()>& body);
// The same for a body that only checks.
void check_in_child(const Who& who, const std::function<void()>& body);

void pin_to_cpu(int cpu);
int cpu_count();

}  // namespace scratchfs::harness
