#include "mount/process/logging.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "fs/base/log.h"
#include "mount/process/log_sinks.h"

namespace scratchfs::mount {

namespace {

constexpr const char* kName = "scratchfs";

// The background daemon's sink on stderr; null in the foreground.
spdlog::sink_ptr& borrowed_terminal() {
  static spdlog::sink_ptr sink;
  return sink;
}

}  // namespace

void start_logging(bool foreground, const std::string& level) {
  auto terminal = std::make_shared<DescriptorSink>(STDERR_FILENO);
  std::vector<spdlog::sink_ptr> sinks{terminal};
  if (foreground) {
    terminal->set_pattern("%Y-%m-%d %H:%M:%S.%f scratchfs[%P:%t] %l: %v");
  } else {
    terminal->set_pattern("scratchfs: %v");
    terminal->set_level(spdlog::level::warn);
    borrowed_terminal() = terminal;
    auto syslog = std::make_shared<SyslogSink>(kName);
    syslog->set_pattern("%v");
    sinks.push_back(std::move(syslog));
  }
  auto logger = std::make_shared<spdlog::logger>(kName, sinks.begin(), sinks.end());
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  // spdlog's default handler reports a failed allocation on stderr with a write that may block.
  logger->set_error_handler([](const std::string&) {});
  spdlog::set_default_logger(std::move(logger));
}

void leave_terminal() {
  if (borrowed_terminal()) borrowed_terminal()->set_level(spdlog::level::off);
}

void error_to_syslog(const char* name, std::string_view text) {
  SyslogSink sink(name);
  sink.set_pattern("%v");
  sink.log(spdlog::details::log_msg(name, spdlog::level::err, text));
}

int report(const Refusal& refusal) {
  if (!borrowed_terminal() || borrowed_terminal()->should_log(spdlog::level::critical))
    return complain(refusal);
  log::error("{}", refusal.message);
  return refusal.exit_code;
}

}  // namespace scratchfs::mount
