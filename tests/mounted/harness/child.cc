#include "tests/mounted/harness/child.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace scratchfs::harness {
namespace {

constexpr int kFailedExpectations = 97;
constexpr std::size_t kLargestMessage = 100'000;

void must(bool done, const char* what) {
  if (!done) {
    std::perror(what);
    _exit(98);
  }
}

void take_identity(const Who& who) {
  if (who.new_session) {
    must(setsid() >= 0, "setsid");
  }
  if (who.cpu >= 0) {
    pin_to_cpu(who.cpu);
  }
  if (who.uid != 0 || who.gid != 0) {
    must(setgroups(who.groups.size(), who.groups.data()) == 0, "setgroups");
    must(setresgid(who.gid, who.gid, who.gid) == 0, "setresgid");
    must(setresuid(who.uid, who.uid, who.uid) == 0, "setresuid");
  }
}

[[noreturn]] void play(const Who& who, Channel& channel,
                       const std::function<void(Channel&)>& body) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  take_identity(who);
  const bool failed_before = testing::Test::HasFailure();
  body(channel);
  std::fflush(nullptr);
  _exit(testing::Test::HasFailure() && !failed_before ? kFailedExpectations : 0);
}

}  // namespace

Who as_user(uid_t uid, std::vector<gid_t> groups) {
  return Who{.uid = uid, .gid = uid, .groups = std::move(groups)};
}

void Channel::send(const std::string& message) {
  if (::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0 && errno != EPIPE) {
    std::perror("send to the other process");
  }
}

std::optional<std::string> Channel::receive() {
  std::string message(kLargestMessage, '\0');
  ssize_t got = 0;
  do {
    got = recv(socket_.get(), message.data(), message.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    return std::nullopt;
  }
  message.resize(static_cast<std::size_t>(got));
  return message;
}

Child::Child(Who who, const std::function<void(Channel&)>& body) : channel_(Fd()) {
  int ends[2];
  must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  std::fflush(nullptr);
  pid_ = fork();
  must(pid_ >= 0, "fork");
  if (pid_ == 0) {
    ::close(ends[0]);
    Channel channel{Fd(ends[1])};
    play(who, channel, body);
  }
  ::close(ends[1]);
  channel_ = Channel{Fd(ends[0])};
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), channel_(std::move(other.channel_)) {}

Child::~Child() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    join();
  }
}

std::string Child::receive() {
  auto message = channel_.receive();
  if (!message) {
    ADD_FAILURE() << "a child ended without sending the expected message";
    return "";
  }
  return *message;
}

int Child::join() {
  if (pid_ <= 0) {
    return -1;
  }
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) {
    return 128 + WTERMSIG(status);
  }
  if (WEXITSTATUS(status) == kFailedExpectations) {
    ADD_FAILURE() << "an expectation failed in a child; see above";
  }
  return WEXITSTATUS(status);
}

void Child::kill(int signal) {
  if (pid_ > 0) {
    ::kill(pid_, signal);
  }
}

std::string in_child(const Who& who, const std::function<std::string()>& body) {
  Child child(who, [&](Channel& channel) { channel.send("=" + body()); });
  const std::string answer = child.receive();
  const int code = child.join();
  EXPECT_TRUE(code == 0 || code == kFailedExpectations) << "the child's exit code was " << code;
  return answer.empty() ? "" : answer.substr(1);
}

void check_in_child(const Who& who, const std::function<void()>& body) {
  Child child(who, [&](Channel&) { body(); });
  const int code = child.join();
  EXPECT_TRUE(code == 0 || code == kFailedExpectations) << "the child's exit code was " << code;
}

void pin_to_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  must(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
}

int cpu_count() { return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)); }

}  // namespace scratchfs::harness
