// Long operations show progress on a terminal, and nowhere else.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>

#include <cstdlib>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/terminal.h"

namespace scratchfs::harness {
namespace {

// Expects that the last progress line, which begins with `line`, was overwritten with blanks.
void expect_gone_again(Terminal& terminal, const std::string& line) {
  const std::string& text = terminal.text();
  const std::string rest = text.substr(text.find('\r', text.rfind(line)) + 1);
  const std::size_t blanks = rest.find_first_not_of(' ');
  EXPECT_TRUE(blanks != std::string::npos && blanks >= line.size() && rest[blanks] == '\r') << text;
}

TEST(Progress, OfAnAnswerThatTakesLong) {
  const Mount mount("memory=16M");
  ASSERT_TRUE(mount.alive());
  mount.freeze();
  const std::vector<std::string> words{scratchfs_binary(), "status", mount.path()};
  Child piped(Who{}, [&](Channel& channel) {
    const Finished finished = run(words);
    channel.send(std::to_string(finished.code) + finished.err);
  });
  Terminal behind({"bash", "-mc", "\"$0\" status \"$1\" & wait $!", words[0], words[2]});
  Terminal shown(words);
  const std::string line = "scratchfs: waiting for the daemon to answer, ";
  shown.expect(line + "1 s\r");
  shown.expect(line + "2 s\r");
  kill(mount.daemon(), SIGCONT);
  EXPECT_EQ(shown.join(), 0);
  expect_gone_again(shown, line);
  EXPECT_EQ(piped.receive(), "0");
  EXPECT_EQ(behind.join(), 0);
  EXPECT_EQ(behind.text().find(line), std::string::npos) << behind.text();
}

TEST(Progress, OfAnUnmountThatTakesLong) {
  Mount mount("memory=16M");
  ASSERT_TRUE(mount.alive());
  for (const pid_t pid : mount.processes()) {
    if (pid != mount.daemon()) kill(pid, SIGSTOP);  // the command waits for it, too
  }
  const std::vector<pid_t> all = mount.processes();
  Terminal umount({scratchfs_binary(), "umount", mount.path()});
  const std::string line = "scratchfs: unmounting and wiping, ";
  umount.expect(line + "1 s\r");
  for (const pid_t pid : all) kill(pid, SIGCONT);
  EXPECT_EQ(umount.join(), 0);
  expect_gone_again(umount, line);
  mount.expect_gone();
}

TEST(Progress, OfAMountThatWaitsForAnother) {
  const std::string place = make_directory("place");
  Fd lock(open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  Terminal mount({scratchfs_binary(), place, "-o", "memory=16M"});
  const std::string line = "scratchfs: preparing the mount, ";
  mount.expect(line + "1 s\r");
  lock.close();
  EXPECT_EQ(mount.join(), 0);
  expect_gone_again(mount, line);
  EXPECT_EQ(run({scratchfs_binary(), "umount", place}).code, 0);
}

TEST(Progress, OfTheEndOfAPrivateMount) {
  const std::string script =
      "pid=$(\"$0\" status \"$TMPDIR\" --json | sed -n 's/^  \"pid\": \\([0-9]*\\),/\\1/p')\n"
      "kill -STOP \"$pid\"; echo \"daemon $pid.\"";
  Terminal job({scratchfs_binary(), "run", "-o", "memory=16M", "--", "sh", "-c", script,
                scratchfs_binary()});
  const std::string line = "scratchfs: wiping, ";
  job.expect(line + "1 s\r");
  const std::size_t at = job.text().find("daemon ");
  ASSERT_NE(at, std::string::npos) << job.text();
  kill(std::atoi(job.text().c_str() + at + 7), SIGCONT);
  EXPECT_EQ(job.join(), 0);
  expect_gone_again(job, line);
}

}  // namespace
}  // namespace scratchfs::harness
