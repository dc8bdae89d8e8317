#include "mount/view/prometheus.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "fs/base/printable.h"
#include "mount/view/user_table.h"

namespace scratchfs::mount {

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Makes a label's value safe for a terminal, too (base::printable).
std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : base::printable(value)) {
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

// A page of metric families; each has its HELP and TYPE lines before its samples.
class Page {
 public:
  explicit Page(std::string mountpoint) : mountpoint_(std::move(mountpoint)) {}

  void begin(const char* name, const char* type, const char* help) {
    name_ = std::string("scratchfs_") + name;
    text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name_, type, help);
  }
  void line(const std::string& value, const Labels& labels = {}, const char* suffix = "") {
    text_ += fmt::format("{}{}{{mountpoint=\"{}\"", name_, suffix, escaped(mountpoint_));
    for (const auto& [label, text] : labels)
      text_ += fmt::format(",{}=\"{}\"", label, escaped(text));
    text_ += "} " + value + "\n";
  }
  // Adds a sample, or nothing for a limit that is none.
  void sample(Limit value, const Labels& labels = {}, const char* suffix = "") {
    if (!value.is_none()) line(std::to_string(value.value), labels, suffix);
  }
  // Adds a family with a single sample.
  void gauge(const char* name, const char* help, Limit value) {
    begin(name, "gauge", help);
    sample(value);
  }
  void counter(const char* name, const char* help, std::uint64_t value) {
    begin(name, "counter", help);
    sample(value);
  }
  // Adds a family with a sample for each entry of `counts`, labelled with its name.
  void family(const char* name, const char* type, const char* help, const char* label,
              const std::map<std::string, std::uint64_t>& counts) {
    begin(name, type, help);
    for (const auto& [text, count] : counts) sample(count, {{label, text}});
  }
  const std::string& text() const { return text_; }

 private:
  const std::string mountpoint_;
  std::string name_;
  std::string text_;
};

// Returns a sample that is left out if the number is nullopt.
template <typename Number>
Limit known(std::optional<Number> number) {
  return number ? Limit(static_cast<std::uint64_t>(*number)) : Limit();
}

std::string seconds_of(std::uint64_t nanoseconds) {
  return fmt::format("{}", static_cast<double>(nanoseconds) / 1e9);
}

void add_mount(Page& page, const Status& status) {
  page.begin("build_info", "gauge", "Always 1; what is mounted, and how.");
  page.line("1", {{"version", status.program},
                  {"lifetime", status.lifetime},
                  {"transport", status.transport.io_uring ? "io_uring" : "fuse"}});
  page.gauge("mounted_time_seconds", "When it was mounted, since 1970.",
             static_cast<std::uint64_t>(status.mounted_since));
  page.gauge("requests_waiting", "Requests that wait for the disk or for memory.",
             status.transport.parked);
  page.counter("requests_parked_total", "Requests that had to wait.",
               status.transport.parked_total);
}

void add_store(Page& page, const Memory& memory, const Spill& spill) {
  page.gauge("memory_budget_bytes", "Memory that contents may use.", memory.budget);
  page.gauge("memory_used_bytes", "Memory that contents use.", memory.used);
  page.gauge("memory_reserve_bytes", "Memory ready for contents to come.", memory.reserve);
  page.gauge("spill_limit_bytes", "How much may be spilled.", spill.limit);
  page.gauge("spill_used_bytes", "How much is spilled.", spill.used);
  page.gauge("spill_disk_free_bytes", "What is free on the disk to spill to.",
             known(spill.disk_free));
  page.counter("blocks_spilled_total", "Blocks written to the disk.", spill.blocks_spilled);
  page.counter("blocks_fetched_total", "Blocks read back from the disk.", spill.blocks_fetched);
  page.counter("blocks_corrupt_total", "Blocks that came back damaged.", spill.blocks_corrupt);
  page.counter("spill_write_errors_total", "Writes to the spill files that failed.",
               spill.write_errors);
}

void add_files(Page& page, const Files& files) {
  page.gauge("files_bytes", "Bytes charged to all users.", files.bytes);
  page.gauge("inodes", "Inodes charged to all users.", files.inodes);
  page.gauge("inodes_limit", "Inodes that the mount may have.", files.inodes_limit);
  page.gauge("open_handles", "Open file descriptions.", files.open_handles);
  page.family("objects_held", "gauge",
              "Files, directories and others by what holds them; those with holders of two kinds "
              "count for both.",
              "by", files.held_by);
  page.family("objects_deleted_total", "counter", "Objects that went because nothing held them.",
              "reason", files.deleted_for);
}

void add_requests(Page& page, const Requests& requests) {
  using Bounds = std::vector<std::uint64_t>;
  page.begin("request_duration_seconds", "histogram",
             "From when a request came until its answer was ready.");
  const Bounds bounds = requests.bounds_ns.value_or(Bounds());
  for (const auto& [name, kind] : requests.kinds) {
    const Bounds below = kind.below_bounds.value_or(Bounds());
    for (std::size_t i = 0; i < std::min(bounds.size(), below.size()); ++i) {
      page.sample(below[i], {{"kind", name}, {"le", seconds_of(bounds[i])}}, "_bucket");
    }
    page.sample(kind.total, {{"kind", name}, {"le", "+Inf"}}, "_bucket");
    page.line(seconds_of(kind.sum_ns.value_or(0)), {{"kind", name}}, "_sum");
    page.sample(kind.total, {{"kind", name}}, "_count");
  }
}

struct Series {
  std::string user, uid;  // the uid keeps the series of two users of the same name apart
  CountedUserRow row;
};

// Returns the rows of the users who use most, and as the last row the totals of the others, which
// has no limits.
std::vector<Series> series_of(std::vector<CountedUserRow> users) {
  std::ranges::stable_sort(users, std::greater(), &CountedUserRow::bytes);
  std::vector<Series> rows;
  CountedUserRow others;
  for (const CountedUserRow& row : users) {
    if (rows.size() < kMostUsersInMetrics) {
      rows.push_back({show_user(row.uid), std::to_string(row.uid), row});
      continue;
    }
    others.bytes += row.bytes;
    others.inodes += row.inodes;
    others.in_memory += row.in_memory;
    others.spilled += row.spilled;
  }
  if (users.size() > kMostUsersInMetrics) rows.push_back({"(others)", "", others});
  return rows;
}

void add_users(Page& page, const std::vector<CountedUserRow>& users) {
  const auto rows = series_of(users);
  const auto family = [&](const char* name, const char* help, auto value) {
    page.begin(name, "gauge", help);
    for (const auto& [user, uid, row] : rows) {
      page.sample(value(row), {{"uid", uid}, {"user", user}});
    }
  };
  using User = CountedUserRow;
  family("user_bytes", "Bytes charged to the user.", std::mem_fn(&User::bytes));
  family("user_bytes_limit", "Bytes that the user may have; absent: no limit.",
         std::mem_fn(&User::bytes_limit));
  family("user_inodes", "Inodes charged to the user.", std::mem_fn(&User::inodes));
  family("user_inodes_limit", "Inodes that the user may have; absent: no limit.",
         std::mem_fn(&User::inodes_limit));
  family("user_memory_bytes", "Bytes of the user's contents that are in memory.",
         std::mem_fn(&User::in_memory));
  family("user_spilled_bytes", "Bytes of the user's contents that are on the disk alone.",
         std::mem_fn(&User::spilled));
  family("user_oldest_file_time_seconds", "When the user's oldest file was made, since 1970.",
         [](const User& row) { return known(row.oldest_file); });
}

}  // namespace

std::string show_prometheus(const Status& status) {
  Page page(status.mountpoint);
  add_mount(page, status);
  add_store(page, status.memory, status.spill);
  add_files(page, status.files);
  add_requests(page, status.requests);
  add_users(page, status.users);
  std::map<std::string, std::uint64_t> warnings;
  for (const Warning& warning : status.warnings.value_or(std::vector<Warning>()))
    ++warnings[warning.code];
  page.family("warnings", "gauge", "Warnings of scratchfs status, by code; absent: none.", "code",
              warnings);
  return page.text();
}

}  // namespace scratchfs::mount
