#include "mount/view/user_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "fs/base/printable.h"
#include "fs/quota/size.h"
#include "mount/process/user_names.h"

namespace scratchfs::mount {

namespace {

std::optional<uid_t> uid_of(const Json& row) {
  const auto uid = natural(member(row, "uid"));
  return uid ? std::optional(static_cast<uid_t>(*uid)) : std::nullopt;
}

Row quota_columns(const Json& row) {
  return {show_user(row), show_bytes(member(row, "bytes")), show_bytes(member(row, "bytes_limit")),
          show_count(member(row, "inodes")), show_count(member(row, "inodes_limit"))};
}

std::string show_age(const Json& born, std::int64_t now) {
  const auto since = natural(born);
  if (!since) return "-";
  const auto then = static_cast<std::int64_t>(*since);
  return show_duration(then < now ? static_cast<std::uint64_t>(now - then) : 0);
}

}  // namespace

std::string align(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    text += row[0] + std::string(widths[0] - row[0].size(), ' ');
    for (std::size_t i = 1; i < row.size(); ++i) {
      text += "  " + std::string(widths[i] - row[i].size(), ' ') + row[i];
    }
    text += "\n";
  }
  return text;
}

std::string show_user(const Json& row) {
  const auto uid = uid_of(row);
  return uid ? user_name(*uid).value_or(std::to_string(*uid)) : "?";
}

std::string show_duration(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  if (seconds < kMinute) return fmt::format("{} s", seconds);
  if (seconds < kHour) return fmt::format("{} min", seconds / kMinute);
  if (seconds < kDay) return fmt::format("{} h {} min", seconds / kHour, seconds % kHour / kMinute);
  return fmt::format("{} d {} h", seconds / kDay, seconds % kDay / kHour);
}

std::string text_of(const Json& json) {
  return json.is_string() ? base::printable(json.get<std::string>()) : "?";
}

std::string show_bytes(const Json& bytes) {
  const auto number = natural(bytes);
  return number ? quota::format_size(*number) : "none";
}

std::string show_count(const Json& count) {
  const auto number = natural(count);
  return number ? std::to_string(*number) : "none";
}

std::string show_users(const Json& users) {
  std::vector<Row> rows{{"USER", "BYTES", "LIMIT", "INODES", "LIMIT"}};
  for (const Json& row : users) rows.push_back(quota_columns(row));
  return align(rows);
}

std::string show_users_in_full(const Json& users, std::int64_t now) {
  std::vector<Row> rows{
      {"USER", "BYTES", "LIMIT", "INODES", "LIMIT", "MEMORY", "SPILLED", "OLDEST"}};
  for (const Json& row : users) {
    Row columns = quota_columns(row);
    columns.push_back(show_bytes(member(row, "in_memory")));
    columns.push_back(show_bytes(member(row, "spilled")));
    columns.push_back(show_age(member(row, "oldest_file"), now));
    rows.push_back(std::move(columns));
  }
  return align(rows);
}

void add_names(Json& users) {
  for (Json& row : users) {
    if (!row.is_object()) continue;  // the daemon need not be ours, and may reply anything
    const auto uid = uid_of(row);
    const auto name = uid ? user_name(*uid) : std::nullopt;
    row["user"] = name ? Json(*name) : Json(nullptr);
  }
}

}  // namespace scratchfs::mount
