#include "mount/view/top_view.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <tuple>
#include <utility>

#include "fs/base/counted.h"
#include "fs/base/printable.h"
#include "fs/quota/size.h"
#include "mount/view/user_table.h"

namespace scratchfs::mount {

namespace {

constexpr std::size_t kLongestName = 12;  // so that a row fits 80 columns

const std::vector<TopRow>& rows_of(const Top& top, TopBy by) {
  if (by == TopBy::user) return top.users;
  return by == TopBy::session ? top.sessions : top.processes;
}

// The identity of a row across two answers. It includes `since`, because the same pid with a later
// first write is another process.
auto key_of(const TopRow& row) { return std::tuple(row.uid, row.session, row.pid, row.since); }

struct Measured {
  const TopRow* row;
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

std::vector<Measured> measure(const Top& before, const Top& now, TopBy by) {
  std::map<decltype(key_of(TopRow())), std::uint64_t> written;
  for (const TopRow& row : rows_of(before, by)) written[key_of(row)] = row.written;
  const double elapsed = static_cast<double>(now.clock_ms) - static_cast<double>(before.clock_ms);
  std::vector<Measured> all;
  for (const TopRow& row : rows_of(now, by)) {
    const std::uint64_t earlier = std::min(written[key_of(row)], row.written);
    const auto grown = static_cast<double>(row.written - earlier);
    const bool is_user = by == TopBy::user;
    all.push_back({&row, is_user ? show_user(row.uid) : short_name(row.command),
                   is_user ? row.bytes : row.written, elapsed > 0 ? grown * 1000 / elapsed : 0.0});
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
        return a.row->since < b.row->since;
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

Row heading(TopBy by) {
  if (by == TopBy::user) return {"USER", "USED", "LIMIT", "INODES", "WRITTEN", "WRITES"};
  const char* id = by == TopBy::session ? "SESSION" : "PID";
  return {"COMMAND", id, "USER", "WRITTEN", "WRITES", "SINCE", "IDLE"};
}

Row columns_of(const Measured& measured, TopBy by, std::int64_t now) {
  const TopRow& row = *measured.row;
  const std::string written = show_bytes(row.written);
  const std::string rate = show_rate(measured.rate);
  if (by == TopBy::user)
    return {short_name(measured.name),
            show_bytes(row.bytes),
            show_bytes(row.bytes_limit),
            show_count(row.inodes),
            written,
            rate};
  const bool ended = by == TopBy::process && !row.living;
  return {measured.name,
          std::to_string(by == TopBy::process ? row.pid : row.session),
          short_name(show_user(row.uid)),
          written,
          rate,
          show_age(row.since, now),
          ended ? "ended" : show_age(row.last, now)};
}

std::string memory_line(const Memory& memory, const Spill& spill) {
  std::string line =
      fmt::format("memory {} of {}", show_bytes(memory.used), show_bytes(memory.budget));
  if (!spill.directory) return line;
  return line + fmt::format(", spill {} of {}, {} free on that disk", show_bytes(spill.used),
                            show_bytes(spill.limit),
                            show_bytes(spill.disk_free.value_or(quota::kUnlimited)));
}

}  // namespace

TopPage top_page(const Top& before, const Top& now, const TopChoice& choice) {
  std::vector<Measured> rows = measure(before, now, choice.by);
  sort_rows(rows, choice.sort);
  double all = 0;
  std::vector<Row> table{heading(choice.by)};
  for (const Measured& row : rows) {
    all += row.rate;
    table.push_back(columns_of(row, choice.by, now.now));
  }
  const char* what = choice.by == TopBy::user      ? "user"
                     : choice.by == TopBy::session ? "session"
                                                   : "process";
  TopPage page;
  page.head = {fmt::format("scratchfs {}: {}, {} written", base::printable(now.mountpoint),
                           base::counted(rows.size(), what), show_rate(all)),
               memory_line(now.memory, now.spill)};
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
