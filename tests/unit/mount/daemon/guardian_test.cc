#include "mount/daemon/guardian.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "fs/base/descriptor.h"
#include "fs/base/pids.h"
#include "mount/daemon/guardian_watch.h"

namespace scratchfs::mount {
namespace {

constexpr int kTenSeconds = 10'000;  // milliseconds

class ProcessHandle {
 public:
  explicit ProcessHandle(pid_t pid) : pid_(pid), descriptor_(base::open_pidfd(pid)) {}
  ~ProcessHandle() { ::close(descriptor_); }
  bool ends() const {
    pollfd waited{descriptor_, POLLIN, 0};
    return ::poll(&waited, 1, kTenSeconds) == 1 && ::waitpid(pid_, nullptr, WNOHANG) == pid_;
  }
  bool lives() const {
    pollfd waited{descriptor_, POLLIN, 0};
    return descriptor_ >= 0 && ::poll(&waited, 1, 0) == 0;
  }
  void kill(int signal) const {
    ASSERT_EQ(::syscall(SYS_pidfd_send_signal, descriptor_, signal, nullptr, 0), 0);
  }

 private:
  pid_t pid_;
  int descriptor_;
};

std::string first_line_of(pid_t pid, const std::string& file) {
  std::ifstream stream("/proc/" + std::to_string(pid) + "/" + file);
  std::string line;
  std::getline(stream, line);
  return line;
}

// Starts a guardian for a path where nothing is ever mounted, so that it never has anything to
// detach.
Guardian started() {
  auto guardian = Guardian::start("/nonexistent/scratch");
  EXPECT_TRUE(guardian);
  return std::move(*guardian);
}

TEST(GuardianProcess, LivesAsLongAsTheDaemonsEndIsOpen) {
  std::optional<Guardian> guardian = started();
  const ProcessHandle process(guardian->pid());
  EXPECT_TRUE(process.lives());
  guardian->tell_mounted({});
  EXPECT_TRUE(process.lives());
  guardian.reset();
  EXPECT_TRUE(process.ends());
}

TEST(GuardianProcess, HasEndedWithoutAZombieOnceDismissed) {
  Guardian guardian = started();
  const pid_t pid = guardian.pid();
  guardian.dismiss();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(GuardianProcess, OneThatIsStoppedDoesNotStopTheDaemon) {
  Guardian guardian = started();
  const ProcessHandle process(guardian.pid());
  process.kill(SIGSTOP);
  guardian.dismiss();
  process.kill(SIGCONT);
  EXPECT_TRUE(process.ends());
}

TEST(GuardianProcess, IgnoresTheSignalsThatEndADaemon) {
  std::optional<Guardian> guardian = started();
  const ProcessHandle process(guardian->pid());
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) process.kill(signal);
  // By the time this has been read, the signals have been delivered.
  EXPECT_EQ(first_line_of(guardian->pid(), "comm"), "scratchfs-guard");
  EXPECT_TRUE(process.lives());
  guardian.reset();
  EXPECT_TRUE(process.ends());
}

TEST(GuardianProcess, CanBeKilledWithoutHarm) {
  Guardian guardian = started();
  const ProcessHandle process(guardian.pid());
  process.kill(SIGKILL);
  EXPECT_TRUE(process.ends());
  guardian.tell_mounted({});
  guardian.dismiss();
}

TEST(GuardianProcess, IsNotWaitedForWhereItIsTheParent) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  {
    Guardian guardian = Guardian::parent(base::Descriptor(ends[0]));
    EXPECT_TRUE(guardian.supervises());
    EXPECT_EQ(guardian.pid(), ::getppid());
    guardian.tell_mounted({});
    guardian.tell_answering();
    guardian.dismiss();
  }
  std::string said;
  char message = 0;
  while (::recv(ends[1], &message, 1, 0) == 1) said += message;
  EXPECT_EQ(said, (std::string{kMountedMessage, kAnswersMessage, kDismissMessage}));
  ::close(ends[1]);
}

TEST(GuardianProcess, HasANameASessionAndNothingOfOurs) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  Guardian guardian = started();
  EXPECT_EQ(first_line_of(guardian.pid(), "comm"), "scratchfs-guard");
  EXPECT_NE(::getsid(guardian.pid()), ::getsid(0));
  ::close(pipe[1]);
  char byte = 0;
  EXPECT_EQ(::read(pipe[0], &byte, 1), 0) << "the guardian holds the pipe open";
  ::close(pipe[0]);
  guardian.dismiss();
}

}  // namespace
}  // namespace scratchfs::mount
