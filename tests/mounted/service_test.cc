// What a service manager sees: when the mount is ready, that it is alive, and what is left of a
// daemon that was killed with its guardian.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/proc.h"
#include "tests/mounted/harness/take_away.h"

namespace scratchfs::harness {
namespace {

// The service manager's end of sd_notify(3).
class Manager {
 public:
  Manager() : path_(make_directory("manager") + "/notify") {
    socket_ = Fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = name();
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  std::vector<std::string> environment(const std::string& watchdog_microseconds) const {
    return {"NOTIFY_SOCKET=" + path_, "WATCHDOG_USEC=" + watchdog_microseconds};
  }
  // Waits for READY=1, before which pings may come. Returns the message, or "" if it does not come.
  std::string ready() const {
    std::string message;
    const bool came = eventually([&] { return (message = next(0)).starts_with("READY=1"); }, 10);
    return came ? message : "";
  }
  // Reads the messages that have arrived.
  void hear_what_came() const {
    while (!next(0).empty()) {
    }
  }
  // Reads messages until the mount's processes have ended: they wait for a while if nobody reads.
  bool hears_until_gone(const Mount& mount) const {
    return eventually(
        [&] {
          hear_what_came();
          return mount.processes().empty();
        },
        15);
  }
  // Returns whether the socket has no room for another message.
  bool is_full() const {
    const Fd sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = name();
    EXPECT_EQ(connect(sender.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    pollfd waiting{.fd = sender.get(), .events = POLLOUT, .revents = 0};
    return poll(&waiting, 1, 0) == 0;
  }
  // Returns the next message, waiting up to `seconds` for it; "" if none comes.
  std::string next(double seconds) const {
    pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, static_cast<int>(patience(seconds).count())) != 1) return "";
    char message[4096];
    const ssize_t got = recv(socket_.get(), message, sizeof(message), 0);
    return {message, static_cast<std::size_t>(got)};
  }

 private:
  sockaddr_un name() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    return address;
  }

  std::string path_;
  Fd socket_;
};

class Service : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { ensure_environment(); }
  static constexpr const char* kOften = "100000";  // microseconds: a ping is due every 50 ms
  static constexpr const char* kSeldom = "3600000000";
  static MountSettings settings(const Manager& manager, const char* watchdog = kOften) {
    return {.options = "memory=16M",
            .transport = GetParam(),
            .environment = manager.environment(watchdog)};
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Service, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Service, IsReadyWhenTheMountAnswersAndSaysWhenItStops) {
  const Manager manager;
  Mount mount(settings(manager, kSeldom));
  ASSERT_TRUE(mount.alive());
  const std::string ready = manager.next(10);
  EXPECT_TRUE(ready.starts_with("READY=1\nSTATUS=mounted over ")) << ready;
  mount.unmount();
  EXPECT_EQ(manager.next(0), "STOPPING=1");
}

TEST_P(Service, TheWatchdogHearsOnlyOfAMountThatAnswers) {
  const Manager manager;
  Mount mount(settings(manager));
  ASSERT_TRUE(mount.alive());
  EXPECT_NE(manager.ready(), "");
  EXPECT_EQ(manager.next(10), "WATCHDOG=1");
  mount.freeze();
  EXPECT_TRUE(eventually([&] { return waiting_requests(mount.connection()) > 0; }, 10));
  manager.hear_what_came();
  EXPECT_EQ(manager.next(0.3), "") << "six were due";
  kill(mount.daemon(), SIGCONT);
  EXPECT_EQ(manager.next(10), "WATCHDOG=1");
  EXPECT_EQ(manager.next(10), "WATCHDOG=1");
  take_away(mount.path());
  EXPECT_TRUE(manager.hears_until_gone(mount));
  mount.expect_gone();
}

// A lazily unmounted file system still serves its current users.
TEST_P(Service, TheWatchdogLetsALazyUnmountEndInItsOwnTime) {
  const Manager manager;
  Mount mount(settings(manager));
  ASSERT_TRUE(mount.alive());
  Fd file(open((mount / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(run({scratchfs_binary(), "umount", "--lazy", mount.path()}).code, 0);
  EXPECT_NE(manager.ready(), "");
  manager.hear_what_came();
  EXPECT_EQ(manager.next(10), "WATCHDOG=1");
  EXPECT_EQ(manager.next(10), "WATCHDOG=1") << "the one before may have been under way already";
  EXPECT_EQ(write(file.get(), "x", 1), 1);
  file.close();
  EXPECT_TRUE(manager.hears_until_gone(mount));
  mount.expect_gone();
}

// The guardian has other duties than sending pings.
TEST_P(Service, AManagerThatNoLongerListensKeepsNobodyWaiting) {
  const Manager manager;
  Mount mount(settings(manager));
  ASSERT_TRUE(mount.alive());
  EXPECT_TRUE(eventually([&] { return manager.is_full(); }, 20));
  const auto several_pings_later = std::chrono::steady_clock::now() + patience(0.2);
  std::this_thread::sleep_until(several_pings_later);
  mount.tolerate_exit_code(128 + SIGKILL);
  kill(mount.daemon(), SIGKILL);
  mount.expect_gone();
}

// Kills all of a mount's processes, as when the whole cgroup is killed.
void kill_all_of(Mount& mount) {
  mount.tolerate_exit_code(128 + SIGKILL);
  // The guardian must not react first.
  for (const pid_t pid : mount.processes()) kill(pid, SIGSTOP);
  for (const pid_t pid : mount.processes()) kill(pid, SIGKILL);
}

TEST_P(Service, WhatADaemonLeftIsClearedAway) {
  Mount mount(MountSettings{.options = "memory=16M", .transport = GetParam()});
  ASSERT_TRUE(mount.alive());
  const std::string copy = make_directory("copy");
  ASSERT_EQ(run({"mount", "--bind", mount.path(), copy}).code, 0);
  kill_all_of(mount);
  struct statfs status {};
  ASSERT_TRUE(eventually(
      [&] { return statfs(mount.path().c_str(), &status) == -1 && errno == ENOTCONN; }, 10));
  const Finished finished = run({scratchfs_binary(), "umount", "--dead", mount.path()});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(mounts_below(mount.path()).empty());
  EXPECT_TRUE(mounts_below(copy).empty());
  mount.expect_gone();
}

TEST_P(Service, WhatLivesIsNotClearedAway) {
  const Mount mount(MountSettings{.options = "memory=16M", .transport = GetParam()});
  ASSERT_TRUE(mount.alive());
  const Finished finished = run({scratchfs_binary(), "umount", "--dead", mount.path()});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(mount.mounted());
  const std::string other = make_directory("other");
  EXPECT_EQ(run({scratchfs_binary(), "umount", "--dead", other}).code, 0);
  EXPECT_EQ(run({scratchfs_binary(), "umount", "--dead", other + "/missing"}).code, 0);
}

}  // namespace
}  // namespace scratchfs::harness
