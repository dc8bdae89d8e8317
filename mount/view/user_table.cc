#include "mount/view/user_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "fs/quota/size.h"
#include "mount/process/user_names.h"

namespace scratchfs::mount {

namespace {

Row quota_columns(const UserRow& row) {
  return {show_user(row.uid), show_bytes(row.bytes), show_bytes(row.bytes_limit),
          show_count(row.inodes), show_count(row.inodes_limit)};
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

std::string show_user(uid_t uid) { return user_name(uid).value_or(std::to_string(uid)); }

std::string show_duration(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  if (seconds < kMinute) return fmt::format("{} s", seconds);
  if (seconds < kHour) return fmt::format("{} min", seconds / kMinute);
  if (seconds < kDay) return fmt::format("{} h {} min", seconds / kHour, seconds % kHour / kMinute);
  return fmt::format("{} d {} h", seconds / kDay, seconds % kDay / kHour);
}

std::string show_age(std::int64_t then, std::int64_t now) {
  const auto age = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(then);
  return show_duration(then < now ? age : 0);
}

std::string show_bytes(Limit bytes) {
  return bytes.is_none() ? "none" : quota::format_size(bytes.value);
}

std::string show_count(Limit count) {
  return count.is_none() ? "none" : std::to_string(count.value);
}

std::string show_users(const std::vector<UserRow>& users) {
  std::vector<Row> rows{{"USER", "BYTES", "LIMIT", "INODES", "LIMIT"}};
  for (const UserRow& row : users) rows.push_back(quota_columns(row));
  return align(rows);
}

std::string show_users_in_full(const std::vector<CountedUserRow>& users, std::int64_t now) {
  std::vector<Row> rows{
      {"USER", "BYTES", "LIMIT", "INODES", "LIMIT", "MEMORY", "SPILLED", "OLDEST"}};
  for (const CountedUserRow& row : users) {
    Row columns = quota_columns(row);
    columns.push_back(show_bytes(row.in_memory));
    columns.push_back(show_bytes(row.spilled));
    columns.push_back(row.oldest_file ? show_age(*row.oldest_file, now) : "-");
    rows.push_back(std::move(columns));
  }
  return align(rows);
}

}  // namespace scratchfs::mount
