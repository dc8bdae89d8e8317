// Forked child processes that act as another user, session or program.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/mounted/harness/fd.h"

namespace scratchfs::harness {

// Users and a group without entries in /etc/passwd and /etc/group.
inline constexpr uid_t kAlice = 61001;
inline constexpr uid_t kBob = 61002;
inline constexpr gid_t kTeam = 61100;  // neither is a member by default
// A user with an entry, which mount(8) and fusermount3 require.
inline constexpr uid_t kNobody = 65534;

struct Who {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  bool new_session = false;
  int cpu = -1;  // -1: any
};
Who as_user(uid_t uid, std::vector<gid_t> groups = {});

// A message channel between a child and its parent. It ends when the process at the other end does.
class Channel {
 public:
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}
  // A message has at most 100 KB.
  void send(const std::string& message);
  // Returns nullopt if the other side has ended.
  std::optional<std::string> receive();
  void close() { socket_.close(); }

 private:
  Fd socket_;
};

// A forked process that runs `body` and exits. An expectation that fails in `body` fails the test
// in the parent, at join(). Do not use it in a process with threads: as after any fork, `body` must
// not need locks that other threads held.
class Child {
 public:
  Child(Who who, const std::function<void(Channel&)>& body);
  ~Child();  // kills it if it is still running
  Child(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child& operator=(Child&&) = delete;

  pid_t pid() const { return pid_; }
  Channel& channel() { return channel_; }
  void send(const std::string& message) { channel_.send(message); }
  // Returns the next message; fails the test and returns "" if the child ended without sending one.
  std::string receive();
  // Waits for the child. Returns its exit code, or 128 + signal.
  int join();
  void kill(int signal);
  // Passes to the caller the duty to end the child and wait for it.
  pid_t release() { return std::exchange(pid_, -1); }

 private:
  pid_t pid_ = -1;
  Channel channel_;
};

// Runs `body` as `who` in a forked process and returns its result.
std::string in_child(const Who& who, const std::function<std::string()>& body);
// The same for a body that only checks expectations.
void check_in_child(const Who& who, const std::function<void()>& body);

void pin_to_cpu(int cpu);
int cpu_count();

}  // namespace scratchfs::harness
