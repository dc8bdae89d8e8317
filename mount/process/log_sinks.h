// Where log lines go without anybody waiting for them: a terminal that was stopped, a pipe that
// nobody reads, a full disk or a syslogd that hangs cost lines, not the mount. Before the next line
// that gets through it is said how many. (A file on a disk that hangs is waited for, as all are.)
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace scratchfs::mount {

class LossySink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  // Never waits; false: it did not go out. `line` ends with a newline.
  virtual bool put(std::string_view line, spdlog::level::level_enum level) = 0;

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}
  std::string formatted(const spdlog::details::log_msg& message);

  std::uint64_t lost_ = 0;
};

// Lines longer than PIPE_BUF are cut. The descriptor is somebody else's as well, so it is not made
// non-blocking.
class DescriptorSink final : public LossySink {
 public:
  explicit DescriptorSink(int descriptor);  // not owned

 private:
  bool put(std::string_view line, spdlog::level::level_enum level) override;

  const int descriptor_;
  const bool has_readers_;  // a pipe or a socket
};

// syslog(3) would wait for a syslogd whose queue is full.
class SyslogSink final : public LossySink {
 public:
  // `name` is what each line begins with; `socket` is where syslogd listens.
  explicit SyslogSink(std::string name, std::string socket = "/dev/log");
  ~SyslogSink() override;
  SyslogSink(const SyslogSink&) = delete;
  SyslogSink& operator=(const SyslogSink&) = delete;

 private:
  bool put(std::string_view line, spdlog::level::level_enum level) override;
  bool connect();
  void disconnect();

  const std::string name_;
  const std::string path_;
  int type_;
  int socket_ = -1;
};

// One line, for a process that says no more than that.
void say_to_syslog(const char* name, spdlog::level::level_enum level, std::string_view text);

}  // namespace scratchfs::mount
