// Log sinks that never block: they drop lines while the output cannot take them (a stopped
// terminal, a pipe nobody reads, a full disk, a syslogd that hangs), so that logging cannot stall
// the mount. The next line that gets through is preceded by the number of lines dropped. The
// exception is a log file on a disk that hangs: such a write blocks, as every write to it does.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace scratchfs::mount {

class LossySink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  // Writes `line`, which ends with a newline, without blocking; returns false if that failed.
  virtual bool put(std::string_view line, spdlog::level::level_enum level) = 0;

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}
  std::string formatted(const spdlog::details::log_msg& message);

  std::uint64_t lost_ = 0;
};

// Writes to a descriptor. Truncates lines to PIPE_BUF bytes, which a pipe takes as a whole or not
// at all. Does not set O_NONBLOCK, because other processes share the open file description.
class DescriptorSink final : public LossySink {
 public:
  explicit DescriptorSink(int descriptor);  // not owned

 private:
  bool put(std::string_view line, spdlog::level::level_enum level) override;

  const int descriptor_;
  const bool has_readers_;  // a pipe or a socket
};

// Writes to syslogd. Not by syslog(3), which blocks while the queue of syslogd is full.
class SyslogSink final : public LossySink {
 public:
  // `name` is the tag of each message; `socket` is where syslogd listens.
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

}  // namespace scratchfs::mount
