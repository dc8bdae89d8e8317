#include "mount/process/sd_notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "tests/unit/base/soon.h"

namespace scratchfs::mount {
namespace {

using std::chrono::milliseconds;

class Notified : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    if (socket_ >= 0) ::close(socket_);
  }
  // Binds a socket to `address`, which has the form of $NOTIFY_SOCKET, and sets that variable.
  void listen_at(const std::string& address) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, address.data(), address.size());
    if (address[0] == '@') name.sun_path[0] = '\0';
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    ASSERT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&name), length), 0);
    ::setenv("NOTIFY_SOCKET", address.c_str(), 1);
  }
  std::string heard() const {
    std::array<char, 256> message{};
    const ssize_t got = ::recv(socket_, message.data(), message.size(), MSG_DONTWAIT);
    return got < 0 ? "" : std::string(message.data(), static_cast<std::size_t>(got));
  }
  // Sends messages until the socket's queue is full.
  void fill_up() const {
    sockaddr_un name{};
    socklen_t length = sizeof name;
    ASSERT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&name), &length), 0);
    const int other = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    while (::sendto(other, "x", 1, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&name),
                    length) == 1) {
    }
    EXPECT_EQ(errno, EAGAIN);
    ::close(other);
  }
  // Receives all messages; returns how many of them equal `message`.
  int times_heard(const std::string& message) const {
    int times = 0;
    for (std::string next = heard(); !next.empty(); next = heard()) times += next == message;
    return times;
  }
  static std::optional<milliseconds> watchdog_with(const char* microseconds, const char* pid) {
    ::setenv("WATCHDOG_USEC", microseconds, 1);
    ::setenv("WATCHDOG_PID", pid, 1);
    return ServiceManager::from_environment().watchdog();
  }

 private:
  int socket_ = -1;
};

std::string unused_name() { return "scratchfs-notified-" + std::to_string(::getpid()); }

TEST_F(Notified, HearsAtAPath) {
  const std::string path = testing::TempDir() + "/" + unused_name();
  listen_at(path);
  ServiceManager::from_environment().tell("READY=1\nSTATUS=here");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=here");
  ::unlink(path.c_str());
}

TEST_F(Notified, HearsInTheAbstractNamespace) {
  listen_at("@" + unused_name());
  ServiceManager::from_environment().tell("STOPPING=1");
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(Notified, IsWaitedForAsLongAsThereIsPatience) {
  listen_at("@" + unused_name());
  const auto manager = ServiceManager::from_environment();
  fill_up();
  manager.tell("WATCHDOG=1", milliseconds(0));
  manager.tell("STOPPING=1", milliseconds(1));
  std::thread teller([&] { manager.tell("READY=1", std::chrono::minutes(1)); });
  EXPECT_TRUE(soon([&] { return times_heard("READY=1") == 1; }));
  teller.join();
  manager.tell("WATCHDOG=1", milliseconds(0));
  EXPECT_EQ(times_heard("WATCHDOG=1"), 1);
}

TEST_F(Notified, IsToldTwiceAsOftenAsItWants) {
  listen_at("@" + unused_name());
  EXPECT_EQ(watchdog_with("3000000", std::to_string(::getpid()).c_str()), milliseconds(1500));
  EXPECT_EQ(watchdog_with("1", std::to_string(::getpid()).c_str()), milliseconds(1));
}

TEST_F(Notified, WatchesNobodyWhereItSaysNothingOrMeansAnother) {
  listen_at("@" + unused_name());
  EXPECT_FALSE(ServiceManager::from_environment().watchdog());
  EXPECT_FALSE(watchdog_with("3000000", "1"));
  for (const char* odd : {"", "0", "-1", "soon", "1s"}) {
    EXPECT_FALSE(watchdog_with(odd, std::to_string(::getpid()).c_str())) << odd;
  }
}

TEST(NobodyNotified, IsNoErrorAndNotWatched) {
  ServiceManager().tell("READY=1");
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  for (const std::string& odd : {std::string("relative"), std::string("/nonexistent/socket"),
                                 std::string("@") + std::string(200, 'x')}) {
    ::setenv("NOTIFY_SOCKET", odd.c_str(), 1);
    ServiceManager::from_environment().tell("READY=1");
  }
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  EXPECT_FALSE(ServiceManager::from_environment().watchdog());
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
}

}  // namespace
}  // namespace scratchfs::mount
