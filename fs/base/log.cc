#include "fs/base/log.h"

#include <spdlog/spdlog.h>

#include <exception>

namespace scratchfs::log {

namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::critical:
      break;
  }
  return spdlog::level::critical;
}

}  // namespace

bool is_on(Level level) { return spdlog::should_log(to_spdlog(level)); }

void set_level(const std::string& name) { spdlog::set_level(spdlog::level::from_str(name)); }

void write(Level level, fmt::string_view format, fmt::format_args values,
           std::string_view suffix) noexcept {
  if (!is_on(level)) return;
  try {
    fmt::memory_buffer line;
    fmt::vformat_to(fmt::appender(line), format, values);
    line.append(suffix);
    spdlog::default_logger_raw()->log(to_spdlog(level),
                                      spdlog::string_view_t(line.data(), line.size()));
  } catch (const std::exception&) {
  }
}

}  // namespace scratchfs::log
