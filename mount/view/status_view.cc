#include "mount/view/status_view.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "fs/base/counted.h"
#include "fs/base/printable.h"
#include "fs/lifetime/deletion_reason.h"
#include "mount/view/user_table.h"

namespace scratchfs::mount {

namespace {

constexpr std::size_t kMostKinds = 6;  // of requests, so that the status fits on a screen

std::string show_transport(const Transport& transport) {
  const std::string how =
      transport.io_uring
          ? fmt::format("io_uring ({} of {}, {} at most)", base::counted(transport.rings, "ring"),
                        transport.ring_depth, show_bytes(transport.ring_bytes))
          : "/dev/fuse";
  return fmt::format("{}, {} waiting", how, base::counted(transport.parked, "request"));
}

std::string show_memory(const Memory& memory) {
  std::string text = fmt::format("{} of {} used, {} in reserve", show_bytes(memory.used),
                                 show_bytes(memory.budget), show_bytes(memory.reserve));
  if (memory.locked) text += ", locked";
  if (memory.pressure)
    text += ", less than " + show_bytes(memory.target) + " wanted: the machine is short of it";
  return text;
}

std::string show_spill(const Spill& spill) {
  if (!spill.directory) return "off";
  return fmt::format(
      "{} of {} used in {}{}", show_bytes(spill.used), show_bytes(spill.limit),
      base::printable(*spill.directory),
      spill.disk_free ? ", " + show_bytes(*spill.disk_free) + " free on that disk" : "");
}

std::string show_files(const Files& files) {
  return fmt::format("{} in {} (of {}), {}", show_bytes(files.bytes),
                     base::counted(files.inodes, "inode"), show_count(files.inodes_limit),
                     base::counted(files.open_handles, "open handle"));
}

// The name of a count, and its text for the user.
using Words = std::pair<std::string_view, const char*>;

constexpr std::array<Words, 7> kHolders{{{"handles", "by handles"},
                                         {"claims", "by claims"},
                                         {"directories", "by directories"},
                                         {"keep_marks", "by keep marks"},
                                         {"bound_sockets", "by who bound them"},
                                         {"mount", "by the mount"},
                                         {"nothing", "by nothing"}}};
constexpr std::array<Words, 8> kReasons{{{"handle_closed", "at a close"},
                                         {"claim_ended", "with their claim"},
                                         {"last_entry_gone", "left empty"},
                                         {"mark_lifted", "unkept"},
                                         {"socket_unbound", "unbound"},
                                         {"moved_away", "moved away"},
                                         {"creator_gone", "their creator gone"},
                                         {"name_removed", "their last held name removed"}}};
static_assert(std::ranges::is_permutation(kReasons, lifetime::kReasonNames, {}, &Words::first));

// Formats counts as `12 by handles, 3 by claims`, without those that are 0.
std::string show_counts(const std::map<std::string, std::uint64_t>& counts,
                        std::span<const Words> words) {
  std::string text;
  for (const auto& [name, word] : words) {
    const auto found = counts.find(std::string(name));
    if (found == counts.end() || found->second == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", found->second, word);
  }
  return text;
}

std::string show_quantile(std::optional<std::uint64_t> nanoseconds) {
  return nanoseconds ? show_latency(*nanoseconds) : "-";
}

std::string show_requests(const Requests& requests) {
  std::vector<std::pair<double, Row>> rows;
  double all = 0;
  for (const auto& [name, kind] : requests.kinds) {
    all += kind.per_second;
    if (kind.per_second == 0) continue;
    rows.emplace_back(
        kind.per_second,
        Row{base::printable(name), fmt::format("{:.1f}", kind.per_second),
            show_quantile(kind.p50_ns), show_quantile(kind.p99_ns), show_count(kind.total)});
  }
  std::string text = fmt::format(
      "requests   {:.1f} a second in the last {}\n", all,
      show_duration(static_cast<std::uint64_t>(std::clamp(requests.recent_seconds, 0.0, 1e9))));
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

}  // namespace

std::string show_latency(std::uint64_t nanoseconds) {
  constexpr std::array<const char*, 4> kUnits{"ns", "us", "ms", "s"};
  auto value = static_cast<double>(nanoseconds);
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  if (unit == 0 || value >= 9.95) return fmt::format("{:.0f} {}", value, kUnits[unit]);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string show_status(const Status& status) {
  const Files& files = status.files;
  const std::string holders = show_counts(files.held_by, kHolders);
  const std::string reasons = show_counts(files.deleted_for, kReasons);
  std::string text = fmt::format(
      "{} on {}: scratchfs {}, up {}, process {}\n"
      "transport  {}\n"
      "lifetime   {}, claimed by {}; new files {}\n"
      "memory     {}\n"
      "spill      {}\n"
      "files      {}\n"
      "held       {}\n"
      "deleted    {}{}{}\n",
      base::printable(status.source), base::printable(status.mountpoint),
      base::printable(status.program), show_duration(status.uptime_seconds), status.pid,
      show_transport(status.transport), base::printable(status.lifetime),
      base::printable(status.claim), base::printable(status.create_mode),
      show_memory(status.memory), show_spill(status.spill), show_files(files),
      holders.empty() ? "nothing there" : holders, files.deleted_unheld,
      reasons.empty() ? "" : ": ", reasons);
  for (const Warning& warning : status.warnings.value_or(std::vector<Warning>()))
    text += "warning    " + base::printable(warning.text) + "\n";
  const auto now = static_cast<std::uint64_t>(status.mounted_since) + status.uptime_seconds;
  return text + show_requests(status.requests) + "\n" +
         show_users_in_full(status.users, static_cast<std::int64_t>(now));
}

}  // namespace scratchfs::mount
