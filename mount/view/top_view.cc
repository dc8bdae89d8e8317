#include "mount/view/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include "fs/base/counted.h"
#include "fs/base/printable.h"
#include "fs/quota/size.h"
#include "mount/view/user_table.h"

namespace scratchfs::mount {

namespace {

constexpr std::size_t kLongestName = 12;  // so that a row fits 80 columns

std::uint64_t number_of(const Json& row, const char* name) {
  return natural(member(row, name)).value_or(0);
}

struct Words {
  const char* one;
  const char* list;  // the JSON member that lists them
};

Words words_of(TopBy by) {
  switch (by) {
    case TopBy::user:
      return {"user", "users"};
    case TopBy::session:
      return {"session", "sessions"};
    case TopBy::process:
      break;
  }
  return {"process", "processes"};
}

// The identity of a row across two answers. It includes "since", because the same pid with a later
// first write is another process.
std::string key_of(const Json& row) {
  return fmt::format("{} {} {} {}", number_of(row, "uid"), number_of(row, "session"),
                     number_of(row, "pid"), number_of(row, "since"));
}

struct Measured {
  const Json* row;
  std::string name;
  std::uint64_t bytes;  // in use if the row is a user's, otherwise written
  double rate;          // bytes written per second
};

std::string short_name(std::string name) {
  if (name.empty()) return "-";
  name = base::printable(name);
  if (name.size() > kLongestName) name = name.substr(0, kLongestName - 1) + "+";
  return name;
}

std::vector<Measured> measure(const Json& before, const Json& now, TopBy by) {
  std::map<std::string, std::uint64_t> written;
  for (const Json& row : member(before, words_of(by).list)) {
    written[key_of(row)] = number_of(row, "written");
  }
  const auto elapsed = static_cast<double>(number_of(now, "clock_ms")) -
                       static_cast<double>(number_of(before, "clock_ms"));
  std::vector<Measured> all;
  for (const Json& row : member(now, words_of(by).list)) {
    const std::uint64_t total = number_of(row, "written");
    const auto found = written.find(key_of(row));
    const std::uint64_t earlier = found == written.end() ? 0 : std::min(found->second, total);
    const double rate = elapsed > 0 ? static_cast<double>(total - earlier) * 1000 / elapsed : 0.0;
    const std::string name =
        by == TopBy::user ? show_user(row) : short_name(text_of(member(row, "command")));
    all.push_back({&row, name, by == TopBy::user ? number_of(row, "bytes") : total, rate});
  }
  return all;
}

void sort_rows(std::vector<Measured>& rows, TopSort by) {
  std::stable_sort(rows.begin(), rows.end(), [by](const Measured& a, const Measured& b) {
    switch (by) {
      case TopSort::rate:
        return std::pair(a.rate, a.bytes) > std::pair(b.rate, b.bytes);
      case TopSort::bytes:
        return a.bytes > b.bytes;
      case TopSort::since:
        return number_of(*a.row, "since") < number_of(*b.row, "since");
      case TopSort::name:
        break;
    }
    return a.name < b.name;
  });
}

std::string show_rate(double rate) {
  constexpr double kMost = 0x1p63;  // converting a double of 2^64 or more is undefined
  return quota::format_size(static_cast<std::uint64_t>(std::min(rate, kMost))) + "/s";
}

std::string show_since(const Json& row, const char* name, std::int64_t now) {
  const auto then = static_cast<std::int64_t>(number_of(row, name));
  return show_duration(then < now ? static_cast<std::uint64_t>(now - then) : 0);
}

Row heading(TopBy by) {
  switch (by) {
    case TopBy::user:
      return {"USER", "USED", "LIMIT", "INODES", "WRITTEN", "WRITES"};
    case TopBy::session:
      return {"COMMAND", "SESSION", "USER", "WRITTEN", "WRITES", "SINCE", "IDLE"};
    case TopBy::process:
      break;
  }
  return {"COMMAND", "PID", "USER", "WRITTEN", "WRITES", "SINCE", "IDLE"};
}

Row columns_of(const Measured& measured, TopBy by, std::int64_t now) {
  const Json& row = *measured.row;
  if (by == TopBy::user) {
    return {short_name(measured.name),
            show_bytes(member(row, "bytes")),
            show_bytes(member(row, "bytes_limit")),
            show_count(member(row, "inodes")),
            show_bytes(member(row, "written")),
            show_rate(measured.rate)};
  }
  const bool ended = by == TopBy::process && member(row, "living") != true;
  return {measured.name,
          show_count(member(row, by == TopBy::process ? "pid" : "session")),
          short_name(show_user(row)),
          show_bytes(member(row, "written")),
          show_rate(measured.rate),
          show_since(row, "since", now),
          ended ? "ended" : show_since(row, "last", now)};
}

std::string memory_line(const Json& now) {
  const Json& memory = member(now, "memory");
  const Json& spill = member(now, "spill");
  std::string line = fmt::format("memory {} of {}", show_bytes(member(memory, "used")),
                                 show_bytes(member(memory, "budget")));
  if (!member(spill, "directory").is_string()) return line;
  return line + fmt::format(", spill {} of {}, {} free on that disk",
                            show_bytes(member(spill, "used")), show_bytes(member(spill, "limit")),
                            show_bytes(member(spill, "disk_free")));
}

}  // namespace

TopPage top_page(const Json& before, const Json& now, const TopChoice& choice) {
  std::vector<Measured> rows = measure(before, now, choice.by);
  sort_rows(rows, choice.sort);
  double all = 0;
  std::vector<Row> table{heading(choice.by)};
  const auto clock = static_cast<std::int64_t>(number_of(now, "now"));
  for (const Measured& row : rows) {
    all += row.rate;
    table.push_back(columns_of(row, choice.by, clock));
  }
  TopPage page;
  page.head = {fmt::format("scratchfs {}: {}, {} written", text_of(member(now, "mountpoint")),
                           base::counted(rows.size(), words_of(choice.by).one), show_rate(all)),
               memory_line(now)};
  std::istringstream text(align(table));
  std::getline(text, page.columns);
  for (std::string line; std::getline(text, line);) page.rows.push_back(line);
  return page;
}

std::vector<std::string> lay_out(const TopPage& page, const TopChoice& choice, std::size_t columns,
                                 std::size_t lines) {
  std::vector<std::string> all = page.head;
  all.emplace_back();
  all.push_back(page.columns);
  const std::size_t first = std::min(choice.first, page.rows.size());
  all.insert(all.end(), page.rows.begin() + static_cast<std::ptrdiff_t>(first), page.rows.end());
  if (lines != 0 && all.size() > lines) all.resize(lines);
  for (std::string& line : all) line.resize(std::min(line.size(), columns));
  return all;
}

bool press(TopChoice& choice, char key) {
  static const std::map<char, TopBy> kBy{
      {'u', TopBy::user}, {'s', TopBy::session}, {'p', TopBy::process}};
  static const std::map<char, TopSort> kSorts{
      {'r', TopSort::rate}, {'b', TopSort::bytes}, {'t', TopSort::since}, {'n', TopSort::name}};
  if (const auto by = kBy.find(key); by != kBy.end()) {
    choice.by = by->second;
    choice.first = 0;
  }
  if (const auto sort = kSorts.find(key); sort != kSorts.end()) {
    choice.sort = sort->second;
    choice.first = 0;
  }
  return key != 'q';
}

void scroll(TopChoice& choice, TopKey key, std::size_t rows, std::size_t page) {
  const std::size_t last = rows > page ? rows - page : 0;
  const auto back = [&](std::size_t by) { return choice.first > by ? choice.first - by : 0; };
  switch (key) {
    case TopKey::down:
      choice.first += 1;
      break;
    case TopKey::page_down:
      choice.first += page;
      break;
    case TopKey::up:
      choice.first = back(1);
      break;
    case TopKey::page_up:
      choice.first = back(page);
      break;
    case TopKey::top:
      choice.first = 0;
      break;
  }
  choice.first = std::min(choice.first, last);
}

}  // namespace scratchfs::mount
