#include "mount/commands/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

#include "fs/base/counted.h"
#include "mount/commands/commands.h"
#include "mount/control/client.h"
#include "mount/options/swap.h"
#include "mount/view/prometheus.h"
#include "mount/view/user_table.h"
#include "mount/view/warnings.h"

namespace scratchfs::mount {

namespace {

constexpr std::size_t kMostKinds = 6;  // of requests, so that the status fits on a screen

std::uint64_t number_of(const Json& json) { return natural(json).value_or(0); }
double rate_of(const Json& json) { return json.is_number() ? json.get<double>() : 0; }

std::string show_transport(const Json& transport) {
  const bool io_uring = member(transport, "io_uring") == true;
  const std::string how =
      io_uring ? fmt::format("io_uring ({} of {}, {} at most)",
                             base::counted(number_of(member(transport, "rings")), "ring"),
                             show_count(member(transport, "ring_depth")),
                             show_bytes(member(transport, "ring_bytes")))
               : "/dev/fuse";
  return fmt::format("{}, {} waiting", how,
                     base::counted(number_of(member(transport, "parked")), "request"));
}

std::string show_memory(const Json& memory) {
  std::string text =
      fmt::format("{} of {} used, {} in reserve", show_bytes(member(memory, "used")),
                  show_bytes(member(memory, "budget")), show_bytes(member(memory, "reserve")));
  if (member(memory, "locked") == true) text += ", locked";
  if (member(memory, "pressure") == true)
    text += ", less than " + show_bytes(member(memory, "target")) +
            " wanted: the machine is short of it";
  return text;
}

std::string show_spill(const Json& spill) {
  const Json& directory = member(spill, "directory");
  if (!directory.is_string()) return "off";
  const Json& free = member(spill, "disk_free");
  return fmt::format("{} of {} used in {}{}", show_bytes(member(spill, "used")),
                     show_bytes(member(spill, "limit")), text_of(directory),
                     free.is_null() ? "" : ", " + show_bytes(free) + " free on that disk");
}

std::string show_files(const Json& files) {
  return fmt::format("{} in {} (of {}), {}", show_bytes(member(files, "bytes")),
                     base::counted(number_of(member(files, "inodes")), "inode"),
                     show_count(member(files, "inodes_limit")),
                     base::counted(number_of(member(files, "open_handles")), "open handle"));
}

using Words = std::pair<const char*, const char*>;  // a JSON member, and its text for the user

// Formats counts as `12 by handles, 3 by claims`, without those that are 0.
template <std::size_t N>
std::string show_counts(const Json& counts, const std::array<Words, N>& words) {
  std::string text;
  for (const auto& [name, word] : words) {
    const std::uint64_t count = number_of(member(counts, name));
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, word);
  }
  return text;
}

std::string show_holders(const Json& held_by) {
  constexpr std::array<Words, 7> kWords{{{"handles", "by handles"},
                                         {"claims", "by claims"},
                                         {"directories", "by directories"},
                                         {"keep_marks", "by keep marks"},
                                         {"bound_sockets", "by who bound them"},
                                         {"mount", "by the mount"},
                                         {"nothing", "by nothing"}}};
  const std::string text = show_counts(held_by, kWords);
  return text.empty() ? "nothing there" : text;
}

std::string show_deleted(const Json& files) {
  constexpr std::array<Words, 8> kWords{{{"handle_closed", "at a close"},
                                         {"claim_ended", "with their claim"},
                                         {"last_entry_gone", "left empty"},
                                         {"mark_lifted", "unkept"},
                                         {"socket_unbound", "unbound"},
                                         {"moved_away", "moved away"},
                                         {"creator_gone", "their creator gone"},
                                         {"name_removed", "their last held name removed"}}};
  const std::string text = show_counts(member(files, "deleted_for"), kWords);
  return fmt::format("{}{}{}", number_of(member(files, "deleted_unheld")), text.empty() ? "" : ": ",
                     text);
}

std::string show_kind_latency(const Json& kind, const char* name) {
  const auto nanoseconds = natural(member(kind, name));
  return nanoseconds ? show_latency(*nanoseconds) : "-";
}

std::string show_requests(const Json& requests) {
  std::vector<std::pair<double, Row>> rows;
  double all = 0;
  for (const auto& [name, kind] : member(requests, "kinds").items()) {
    const double rate = rate_of(member(kind, "per_second"));
    all += rate;
    if (rate == 0) continue;
    rows.emplace_back(rate,
                      Row{name, fmt::format("{:.1f}", rate), show_kind_latency(kind, "p50_ns"),
                          show_kind_latency(kind, "p99_ns"), show_count(member(kind, "total"))});
  }
  std::string text = fmt::format(
      "requests   {:.1f} a second in the last {}\n", all,
      show_duration(static_cast<std::uint64_t>(rate_of(member(requests, "recent_seconds")))));
  if (rows.empty()) return text;
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Row> table{{"REQUEST", "A SECOND", "P50", "P99", "EVER"}};
  for (std::size_t i = 0; i < std::min(rows.size(), kMostKinds); ++i) {
    table.push_back(rows[i].second);
  }
  text += "\n" + align(table);
  if (rows.size() > kMostKinds) text += base::counted(rows.size() - kMostKinds, "more kind") + "\n";
  return text;
}

std::string show_warnings(const Json& warnings) {
  std::string text;
  for (const Json& warning : warnings) {
    text += "warning    " + text_of(member(warning, "text")) + "\n";
  }
  return text;
}

}  // namespace

std::string show_latency(std::uint64_t nanoseconds) {
  constexpr std::array<const char*, 4> kUnits{"ns", "us", "ms", "s"};
  auto value = static_cast<double>(nanoseconds);
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  if (unit == 0 || value >= 9.95) return fmt::format("{:.0f} {}", value, kUnits[unit]);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string show_status(const Json& status) {
  const Json& files = member(status, "files");
  const auto since = static_cast<std::int64_t>(number_of(member(status, "mounted_since")));
  const std::uint64_t uptime = number_of(member(status, "uptime_seconds"));
  return fmt::format(
             "{} on {}: scratchfs {}, up {}, process {}\n"
             "transport  {}\n"
             "lifetime   {}, claimed by {}; new files {}\n"
             "memory     {}\n"
             "spill      {}\n"
             "files      {}\n"
             "held       {}\n"
             "deleted    {}\n",
             text_of(member(status, "source")), text_of(member(status, "mountpoint")),
             text_of(member(status, "program")), show_duration(uptime),
             number_of(member(status, "pid")), show_transport(member(status, "transport")),
             text_of(member(status, "lifetime")), text_of(member(status, "claim")),
             text_of(member(status, "create_mode")), show_memory(member(status, "memory")),
             show_spill(member(status, "spill")), show_files(files),
             show_holders(member(files, "held_by")), show_deleted(files)) +
         show_warnings(member(status, "warnings")) + show_requests(member(status, "requests")) +
         "\n" +
         show_users_in_full(member(status, "users"), since + static_cast<std::int64_t>(uptime));
}

int run(const StatusCommand& command) {
  const auto detail =
      command.prometheus ? StatusRequest::Detail::with_histograms : StatusRequest::Detail::numbers;
  auto status = ask_daemon_visibly(command.mountpoint, StatusRequest{detail}, "status");
  if (!status) return complain(status.error());
  if (status->contains("users")) add_names((*status)["users"]);
  (*status)["warnings"] = warnings_of(*status, plaintext_swap());
  const std::string text = command.prometheus ? show_prometheus(*status)
                           : command.json     ? status->dump(2) + "\n"
                                              : show_status(*status);
  std::fputs(text.c_str(), stdout);
  return kFine;
}

}  // namespace scratchfs::mount
