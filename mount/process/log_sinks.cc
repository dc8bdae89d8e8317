#include "mount/process/log_sinks.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <utility>

namespace scratchfs::mount {

namespace {

int priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return LOG_DEBUG;
    case spdlog::level::warn:
      return LOG_WARNING;
    case spdlog::level::err:
      return LOG_ERR;
    case spdlog::level::critical:
      return LOG_CRIT;
    default:
      return LOG_INFO;
  }
}

bool is_pipe_or_socket(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 &&
         (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

// The time stamp of a syslog message (RFC 3164), in local time as syslog(3) writes it.
std::string time_stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%b %e %H:%M:%S", &local)};
}

}  // namespace

std::string LossySink::formatted(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t buffer;
  formatter_->format(message, buffer);
  return fmt::to_string(buffer);
}

void LossySink::sink_it_(const spdlog::details::log_msg& message) {
  if (lost_ > 0) {
    const std::string text = fmt::format("{} of this log {} lost, nobody took {}",
                                         lost_ == 1 ? "a line" : fmt::format("{} lines", lost_),
                                         lost_ == 1 ? "was" : "were", lost_ == 1 ? "it" : "them");
    const spdlog::details::log_msg note(message.logger_name, spdlog::level::warn, text);
    if (put(formatted(note), spdlog::level::warn)) lost_ = 0;
  }
  if (lost_ > 0 || !put(formatted(message), message.level)) ++lost_;
}

DescriptorSink::DescriptorSink(int descriptor)
    : descriptor_(descriptor), has_readers_(is_pipe_or_socket(descriptor)) {}

bool DescriptorSink::put(std::string_view line, spdlog::level::level_enum /*level*/) {
  std::string cut;
  if (line.size() > PIPE_BUF) {
    cut = std::string(line.substr(0, PIPE_BUF - 1)) + '\n';
    line = cut;
  }
  const auto whole = static_cast<ssize_t>(line.size());
  if (has_readers_) {
    // Works from Linux 6.4 on. Unlike poll(2) and write(2), it cannot block when another writer
    // fills the pipe in between.
    const iovec part{const_cast<char*>(line.data()), line.size()};
    const ssize_t written = ::pwritev2(descriptor_, &part, 1, -1, RWF_NOWAIT);
    if (written >= 0 || errno != EOPNOTSUPP) return written == whole;
  }
  // A pipe or terminal that poll(2) reports as writable has room for PIPE_BUF bytes.
  pollfd waited{descriptor_, POLLOUT, 0};
  if (::poll(&waited, 1, 0) != 1) return false;
  return ::write(descriptor_, line.data(), line.size()) == whole;
}

SyslogSink::SyslogSink(std::string name, std::string socket)
    : name_(std::move(name)), path_(std::move(socket)), type_(SOCK_DGRAM) {}

SyslogSink::~SyslogSink() { disconnect(); }

void SyslogSink::disconnect() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

bool SyslogSink::connect() {
  if (socket_ >= 0) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  for (int tries = 0; tries < 2; ++tries) {
    socket_ = ::socket(AF_UNIX, type_ | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0) return false;
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      return true;
    const bool other_type = errno == EPROTOTYPE;
    disconnect();
    if (!other_type) return false;
    type_ = type_ == SOCK_DGRAM ? SOCK_STREAM : SOCK_DGRAM;
  }
  return false;
}

bool SyslogSink::put(std::string_view line, spdlog::level::level_enum level) {
  line.remove_suffix(1);
  const std::string text = fmt::format("<{}>{} {}[{}]: {}", LOG_DAEMON | priority_of(level),
                                       time_stamp(), name_, ::getpid(), line);
  // Reconnects once: a restarted syslogd has a new socket of the same name.
  for (int tries = 0; tries < 2 && connect(); ++tries) {
    // On a stream socket each message ends with a null byte.
    const std::size_t size = text.size() + (type_ == SOCK_STREAM ? 1 : 0);
    if (::send(socket_, text.c_str(), size, MSG_NOSIGNAL) == static_cast<ssize_t>(size))
      return true;
    if (errno == EAGAIN) return false;
    disconnect();
  }
  return false;
}

}  // namespace scratchfs::mount
