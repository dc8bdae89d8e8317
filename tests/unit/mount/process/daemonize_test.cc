#include "mount/process/daemonize.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <string>

namespace scratchfs::mount {
namespace {

// Ends a daemon of these tests. It must not return from launch(), or it would go on running the
// remaining tests.
[[noreturn]] void leave(int code) { ::_exit(code); }

TEST(Launch, InTheForegroundGivesTheDaemonsExitCode) {
  EXPECT_EQ(launch(true, [](const ReportReady& ready) { return ready() ? 7 : 8; }), 7);
}

TEST(Launch, ReturnsAsSoonAsTheMountAnswersAndLetsTheDaemonLive) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const int code = launch(false, [&](const ReportReady& ready) -> int {
    ::close(pipe[1]);
    if (!ready()) leave(1);
    char byte = 0;
    leave(::read(pipe[0], &byte, 1) == 1 ? 0 : 1);
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), 0) << "the daemon has ended already";
  ASSERT_EQ(::write(pipe[1], "x", 1), 1);
  int status = 0;
  ASSERT_GT(::waitpid(-1, &status, 0), 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(Launch, GivesTheExitCodeOfADaemonThatFailsBeforeTheMountAnswers) {
  EXPECT_EQ(launch(false, [](const ReportReady&) -> int { leave(2); }), 2);
}

TEST(Launch, NeverSaysFineForAMountThatNeverAnswered) {
  EXPECT_EQ(launch(false, [](const ReportReady&) -> int { leave(0); }), 1);
  EXPECT_EQ(launch(false,
                   [](const ReportReady&) -> int {
                     ::raise(SIGKILL);
                     leave(0);
                   }),
            1);
}

TEST(Launch, TheDaemonHasASessionOfItsOwnAndNoWorkingDirectory) {
  const int code = launch(false, [](const ReportReady&) -> int {
    char directory[PATH_MAX] = "";
    const bool at_root =
        ::getcwd(directory, sizeof directory) != nullptr && std::string(directory) == "/";
    leave(at_root && ::getsid(0) == ::getpid() ? 42 : 1);
  });
  EXPECT_EQ(code, 42);
}

TEST(Launch, TheDaemonLetsGoOfTheTerminalOnceReady) {
  int terminal[2];
  int end[2];
  ASSERT_EQ(::pipe(terminal), 0);
  ASSERT_EQ(::pipe(end), 0);
  const int old_stderr = ::dup(STDERR_FILENO);
  ::dup2(terminal[1], STDERR_FILENO);
  ::close(terminal[1]);
  const int code = launch(false, [&](const ReportReady& ready) -> int {
    ::close(end[1]);
    ready();
    char byte = 0;
    leave(::read(end[0], &byte, 1) == 0 ? 0 : 1);
  });
  ::dup2(old_stderr, STDERR_FILENO);
  ::close(old_stderr);
  EXPECT_EQ(code, 0);
  // The daemon may close its stream after launch() has returned; read(2) waits for that.
  char byte = 0;
  EXPECT_EQ(::read(terminal[0], &byte, 1), 0);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), 0) << "it let go by ending";
  ::close(end[1]);
  int status = 0;
  ASSERT_GT(::waitpid(-1, &status, 0), 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  ::close(terminal[0]);
  ::close(end[0]);
}

}  // namespace
}  // namespace scratchfs::mount
