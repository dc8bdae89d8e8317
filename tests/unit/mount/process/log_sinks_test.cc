#include "mount/process/log_sinks.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

namespace scratchfs::mount {
namespace {

spdlog::logger logger_to(std::shared_ptr<LossySink> sink) {
  sink->set_pattern("%l: %v");
  return {"log", std::move(sink)};
}

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int in() const { return ends_[1]; }
  // Returns everything that is in the pipe now.
  std::string read_all() const {
    std::string all;
    pollfd waited{ends_[0], POLLIN, 0};
    while (::poll(&waited, 1, 0) == 1) {
      std::array<char, 4096> bytes{};
      all.append(bytes.data(), static_cast<std::size_t>(::read(ends_[0], bytes.data(), 4096)));
    }
    return all;
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(DescriptorSink, WritesLines) {
  const Pipe pipe;
  auto log = logger_to(std::make_shared<DescriptorSink>(pipe.in()));
  log.info("one");
  log.warn("two");
  EXPECT_EQ(pipe.read_all(), "info: one\nwarning: two\n");
}

TEST(DescriptorSink, DoesNotWaitForAPipeThatNobodyReadsAndSaysWhatWasLost) {
  const Pipe pipe;
  auto log = logger_to(std::make_shared<DescriptorSink>(pipe.in()));
  constexpr int kLines = 10'000;  // more than a pipe of 64 KiB can hold
  for (int i = 0; i < kLines; ++i) log.info("a line that is thirty-two bytes");
  const std::string first = pipe.read_all();
  const auto through = std::count(first.begin(), first.end(), '\n');
  EXPECT_LT(through, kLines);
  EXPECT_TRUE(first.ends_with("bytes\n"));
  log.info("last");
  EXPECT_EQ(pipe.read_all(), "warning: " + std::to_string(kLines - through) +
                                 " lines of this log were lost, nobody took them\ninfo: last\n");
}

TEST(DescriptorSink, CutsALineThatAPipeMightNotTakeWhole) {
  const Pipe pipe;
  auto log = logger_to(std::make_shared<DescriptorSink>(pipe.in()));
  log.info(std::string(3 * PIPE_BUF, 'x'));
  const std::string line = pipe.read_all();
  EXPECT_EQ(line.size(), PIPE_BUF);
  EXPECT_TRUE(line.ends_with("xxx\n"));
}

TEST(DescriptorSink, OutlivesAFullDisk) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  auto log = logger_to(std::make_shared<DescriptorSink>(full));
  for (int i = 0; i < 10; ++i) log.info("gone");
  ::close(full);
}

class Syslogd : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/scratchfs-syslog.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(directory_);
  }
  std::string path() const { return directory_ + "/log"; }
  void start(int type) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    listening_ = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(type == SOCK_STREAM ? ::listen(listening_, 1) : 0, 0);
  }
  void stop() {
    if (listening_ >= 0) ::close(listening_);
    listening_ = -1;
    ::unlink(path().c_str());
  }
  // Returns the next message; empty if there is none.
  static std::string receive(int socket) {
    std::array<char, 8192> text{};
    const ssize_t got = ::recv(socket, text.data(), text.size(), MSG_DONTWAIT);
    return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }

  std::string directory_;
  int listening_ = -1;
};

TEST_F(Syslogd, GetsLinesAsOfSyslog) {
  start(SOCK_DGRAM);
  auto log = logger_to(std::make_shared<SyslogSink>("scratchfs", path()));
  log.error("disk");
  const std::string line = receive(listening_);
  const std::string end = " scratchfs[" + std::to_string(::getpid()) + "]: error: disk";
  EXPECT_TRUE(line.starts_with("<27>")) << line;  // LOG_DAEMON | LOG_ERR
  EXPECT_TRUE(line.ends_with(end)) << line;
  EXPECT_EQ(line.size(), 4 + std::strlen("Nov 22 15:04:05") + end.size()) << line;
}

TEST_F(Syslogd, MayListenToAStream) {
  start(SOCK_STREAM);
  auto log = logger_to(std::make_shared<SyslogSink>("scratchfs", path()));
  log.info("one");
  const int connection = ::accept(listening_, nullptr, nullptr);
  EXPECT_TRUE(receive(connection).ends_with(std::string("]: info: one") + '\0'));
  ::close(connection);
}

TEST_F(Syslogd, IsNotWaitedForWhereItHangs) {
  start(SOCK_DGRAM);
  auto log = logger_to(std::make_shared<SyslogSink>("scratchfs", path()));
  constexpr int kLines = 10'000;  // net.unix.max_dgram_qlen is a few hundred
  for (int i = 0; i < kLines; ++i) log.info("line");
  int through = 0;
  while (!receive(listening_).empty()) ++through;
  EXPECT_LT(through, kLines);
  log.info("last");
  EXPECT_NE(receive(listening_).find(std::to_string(kLines - through) + " lines"),
            std::string::npos);
  EXPECT_TRUE(receive(listening_).ends_with("info: last"));
}

TEST_F(Syslogd, MayComeLateAndComeAgain) {
  auto log = logger_to(std::make_shared<SyslogSink>("scratchfs", path()));
  log.info("to nobody");
  start(SOCK_DGRAM);
  log.info("first");
  EXPECT_NE(receive(listening_).find("a line of this log was lost"), std::string::npos);
  EXPECT_TRUE(receive(listening_).ends_with("info: first"));
  stop();
  start(SOCK_DGRAM);
  log.info("second");
  EXPECT_TRUE(receive(listening_).ends_with("info: second"));
}

}  // namespace
}  // namespace scratchfs::mount
