#include "mount/view/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "mount/view/user_table.h"

namespace scratchfs::mount {

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? "\\n" : std::string(1, c);
  }
  return text;
}

// A page of metric families; each has its HELP and TYPE lines before its samples.
class Page {
 public:
  explicit Page(std::string mountpoint) : mountpoint_(std::move(mountpoint)) {}

  void begin(const std::string& name, const char* type, const char* help) {
    name_ = "scratchfs_" + name;
    text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name_, type, help);
  }
  void line(const std::string& value, const Labels& labels = {}, const char* suffix = "") {
    text_ += fmt::format("{}{}{{mountpoint=\"{}\"", name_, suffix, escaped(mountpoint_));
    for (const auto& [label, text] : labels)
      text_ += fmt::format(",{}=\"{}\"", label, escaped(text));
    text_ += "} " + value + "\n";
  }
  // Adds a sample, or nothing if `value` is null.
  void sample(const Json& value, const Labels& labels = {}, const char* suffix = "") {
    if (value.is_number()) line(value.dump(), labels, suffix);
  }
  // Adds a family with a single sample.
  void single(const std::string& name, const char* type, const char* help, const Json& value) {
    begin(name, type, help);
    sample(value);
  }
  const std::string& text() const { return text_; }

 private:
  const std::string mountpoint_;
  std::string name_;
  std::string text_;
};

std::string seconds_of(const Json& nanoseconds) {
  return fmt::format("{}", static_cast<double>(natural(nanoseconds).value_or(0)) / 1e9);
}

void add_mount(Page& page, const Json& status) {
  page.begin("build_info", "gauge", "Always 1; what is mounted, and how.");
  page.line("1", {{"version", text_of(member(status, "program"))},
                  {"lifetime", text_of(member(status, "lifetime"))},
                  {"transport",
                   member(member(status, "transport"), "io_uring") == true ? "io_uring" : "fuse"}});
  page.single("mounted_time_seconds", "gauge", "When it was mounted, since 1970.",
              member(status, "mounted_since"));
  const Json& transport = member(status, "transport");
  page.single("requests_waiting", "gauge", "Requests that wait for the disk or for memory.",
              member(transport, "parked"));
  page.single("requests_parked_total", "counter", "Requests that had to wait.",
              member(transport, "parked_total"));
}

void add_store(Page& page, const Json& memory, const Json& spill) {
  page.single("memory_budget_bytes", "gauge", "Memory that contents may use.",
              member(memory, "budget"));
  page.single("memory_used_bytes", "gauge", "Memory that contents use.", member(memory, "used"));
  page.single("memory_reserve_bytes", "gauge", "Memory ready for contents to come.",
              member(memory, "reserve"));
  page.single("spill_limit_bytes", "gauge", "How much may be spilled.", member(spill, "limit"));
  page.single("spill_used_bytes", "gauge", "How much is spilled.", member(spill, "used"));
  page.single("spill_disk_free_bytes", "gauge", "What is free on the disk to spill to.",
              member(spill, "disk_free"));
  page.single("blocks_spilled_total", "counter", "Blocks written to the disk.",
              member(spill, "blocks_spilled"));
  page.single("blocks_fetched_total", "counter", "Blocks read back from the disk.",
              member(spill, "blocks_fetched"));
  page.single("blocks_corrupt_total", "counter", "Blocks that came back damaged.",
              member(spill, "blocks_corrupt"));
  page.single("spill_write_errors_total", "counter", "Writes to the spill files that failed.",
              member(spill, "write_errors"));
}

void add_files(Page& page, const Json& files) {
  page.single("files_bytes", "gauge", "Bytes charged to all users.", member(files, "bytes"));
  page.single("inodes", "gauge", "Inodes charged to all users.", member(files, "inodes"));
  page.single("inodes_limit", "gauge", "Inodes that the mount may have.",
              member(files, "inodes_limit"));
  page.single("open_handles", "gauge", "Open file descriptions.", member(files, "open_handles"));
  page.begin("objects_held", "gauge",
             "Files, directories and others by what holds them; those with holders of two kinds "
             "count for both.");
  for (const auto& [holder, count] : member(files, "held_by").items()) {
    page.sample(count, {{"by", holder}});
  }
  page.begin("objects_deleted_total", "counter", "Objects that went because nothing held them.");
  for (const auto& [reason, count] : member(files, "deleted_for").items()) {
    page.sample(count, {{"reason", reason}});
  }
}

void add_requests(Page& page, const Json& requests) {
  page.begin("request_duration_seconds", "histogram",
             "From when a request came until its answer was ready.");
  const Json& bounds = member(requests, "bounds_ns");
  for (const auto& [name, kind] : member(requests, "kinds").items()) {
    const Json& below = member(kind, "below_bounds");
    for (std::size_t i = 0; i < std::min(bounds.size(), below.size()); ++i) {
      page.sample(below[i], {{"kind", name}, {"le", seconds_of(bounds[i])}}, "_bucket");
    }
    const Json& total = member(kind, "total");
    page.sample(total, {{"kind", name}, {"le", "+Inf"}}, "_bucket");
    page.line(seconds_of(member(kind, "sum_ns")), {{"kind", name}}, "_sum");
    page.sample(total, {{"kind", name}}, "_count");
  }
}

// Returns the rows of the users who use most, and as the last row the totals of the others, which
// has no limits.
std::vector<std::pair<std::string, Json>> users_for_series(const Json& users) {
  std::vector<std::pair<std::string, Json>> rows;
  for (const Json& row : users) rows.emplace_back(show_user(row), row);
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return natural(member(a.second, "bytes")) > natural(member(b.second, "bytes"));
  });
  if (rows.size() <= kMostUsersInMetrics) return rows;
  Json others;
  for (std::size_t i = kMostUsersInMetrics; i < rows.size(); ++i) {
    for (const char* name : {"bytes", "inodes", "in_memory", "spilled"}) {
      others[name] = natural(member(others, name)).value_or(0) +
                     natural(member(rows[i].second, name)).value_or(0);
    }
  }
  rows.resize(kMostUsersInMetrics);
  rows.emplace_back("(others)", std::move(others));
  return rows;
}

// The uid label, which keeps the series of two users of the same name apart.
std::string uid_text(const Json& row) {
  const auto uid = natural(member(row, "uid"));
  return uid ? std::to_string(*uid) : "";
}

void add_users(Page& page, const Json& users) {
  const auto rows = users_for_series(users);
  const auto family = [&](const char* name, const char* help, const char* source) {
    page.begin(name, "gauge", help);
    for (const auto& [user, row] : rows) {
      page.sample(member(row, source), {{"uid", uid_text(row)}, {"user", user}});
    }
  };
  family("user_bytes", "Bytes charged to the user.", "bytes");
  family("user_bytes_limit", "Bytes that the user may have; absent: no limit.", "bytes_limit");
  family("user_inodes", "Inodes charged to the user.", "inodes");
  family("user_inodes_limit", "Inodes that the user may have; absent: no limit.", "inodes_limit");
  family("user_memory_bytes", "Bytes of the user's contents that are in memory.", "in_memory");
  family("user_spilled_bytes", "Bytes of the user's contents that are on the disk alone.",
         "spilled");
  family("user_oldest_file_time_seconds", "When the user's oldest file was made, since 1970.",
         "oldest_file");
}

void add_warnings(Page& page, const Json& warnings) {
  std::map<std::string, unsigned> counts;
  for (const Json& warning : warnings) ++counts[text_of(member(warning, "code"))];
  page.begin("warnings", "gauge", "Warnings of scratchfs status, by code; absent: none.");
  for (const auto& [code, count] : counts) page.line(std::to_string(count), {{"code", code}});
}

}  // namespace

std::string show_prometheus(const Json& status) {
  Page page(text_of(member(status, "mountpoint")));
  add_mount(page, status);
  add_store(page, member(status, "memory"), member(status, "spill"));
  add_files(page, member(status, "files"));
  add_requests(page, member(status, "requests"));
  add_users(page, member(status, "users"));
  add_warnings(page, member(status, "warnings"));
  return page.text();
}

}  // namespace scratchfs::mount
