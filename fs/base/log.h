// Log lines, written through spdlog's default logger. Including spdlog itself costs a file a
// second, and its templates compile all of fmt wherever they are called.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "fs/base/log_limiter.h"

namespace scratchfs::log {

enum class Level : std::uint8_t { debug, info, warn, error, critical };

// Whether lines of `level` are logged.
bool is_on(Level level);
// Sets the lowest level that is logged; `name` is as in -o log_level=.
void set_level(const std::string& name);
// Writes a line that ends in `suffix`. A line that memory is too short for is lost.
void write(Level level, fmt::string_view format, fmt::format_args values,
           std::string_view suffix = {}) noexcept;

template <typename... T>
void line(Level level, fmt::format_string<T...> format, T&&... values) {
  write(level, format, fmt::make_format_args(values...));
}
// The same if `limiter` admits the line; it then ends in the number of those left out before it.
template <typename... T>
void limited(base::LogLimiter& limiter, Level level, fmt::format_string<T...> format,
             T&&... values) {
  if (const auto omitted = limiter.admit())
    write(level, format, fmt::make_format_args(values...), base::and_more(*omitted));
}
template <typename... T>
void debug(fmt::format_string<T...> format, T&&... values) {
  write(Level::debug, format, fmt::make_format_args(values...));
}
template <typename... T>
void info(fmt::format_string<T...> format, T&&... values) {
  write(Level::info, format, fmt::make_format_args(values...));
}
template <typename... T>
void warn(fmt::format_string<T...> format, T&&... values) {
  write(Level::warn, format, fmt::make_format_args(values...));
}
template <typename... T>
void error(fmt::format_string<T...> format, T&&... values) {
  write(Level::error, format, fmt::make_format_args(values...));
}

}  // namespace scratchfs::log
