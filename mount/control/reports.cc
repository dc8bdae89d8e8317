#include "mount/control/reports.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <string>
#include <utility>

namespace scratchfs::mount {

namespace {

// The histogram shows only the bucket bounds at 1 us, 4 us, 16 us, ... 17 s.
constexpr std::size_t kFirstBound = 12;
constexpr std::size_t kBoundStep = 8;
static_assert(kernel::latency_bound(kFirstBound) == 1024);

// Returns visit(i) for each of these bounds.
template <typename Visit>
std::vector<std::uint64_t> for_each_bound(Visit visit) {
  std::vector<std::uint64_t> results;
  for (std::size_t i = kFirstBound; i + 1 < kernel::kLatencyBuckets; i += kBoundStep)
    results.push_back(visit(i));
  return results;
}

// Rounds to a thousandth, to print no meaningless digits.
double rounded(double value) { return std::round(value * 1000) / 1000; }
double seconds_of(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

RequestKind report_kind(const kernel::SessionStats::Requests& kind, double seconds,
                        bool histograms) {
  RequestKind report{.total = kind.total.count(), .recent = kind.recent.count()};
  if (seconds > 0) report.per_second = rounded(static_cast<double>(report.recent) / seconds);
  if (report.recent > 0) {
    report.p50_ns = kind.recent.quantile(0.5);
    report.p99_ns = kind.recent.quantile(0.99);
  }
  if (histograms) {
    report.sum_ns = kind.total.nanoseconds;
    report.below_bounds = for_each_bound([&](std::size_t i) { return kind.total.count_below(i); });
  }
  return report;
}

// Adds what a writer has written to a row; the row takes the names of its latest writer.
void add(TopRow& row, const NamedWriter& one, const std::string& command) {
  const kernel::Writer& writer = one.writer;
  const bool is_first = row.last == 0;
  row.since = is_first ? writer.first : std::min(row.since, writer.first);
  if (writer.last >= row.last) {
    row.session = writer.session;
    row.command = command;
  }
  row.uid = writer.uid;
  row.last = std::max(row.last, writer.last);
  row.written += writer.bytes;
}

template <typename Key>
std::vector<TopRow> rows_of(std::map<Key, TopRow> map) {
  std::vector<TopRow> rows;
  for (auto& [key, row] : map) rows.push_back(std::move(row));
  return rows;
}

}  // namespace

Transport report_transport(const kernel::SessionStats& stats) {
  return {.io_uring = stats.io_uring,
          .rings = stats.rings,
          .ring_depth = stats.ring_depth,
          .ring_bytes = stats.ring_bytes,
          // Leaves out the status request itself, which is parked too.
          .parked = stats.parked > 0 ? stats.parked - 1 : 0,
          .parked_total = stats.parked_total};
}

Requests report_requests(const kernel::SessionStats& stats, bool histograms) {
  const double seconds = seconds_of(stats.recent_span);
  Requests report{.recent_seconds = rounded(seconds)};
  for (const auto& kind : stats.requests)
    report.kinds[kind.name] = report_kind(kind, seconds, histograms);
  if (histograms) report.bounds_ns = for_each_bound(kernel::latency_bound);
  return report;
}

Files report_files(const quota::Ledger& ledger, const tree::TreeStats& stats,
                   const SharedCensus::Seen& seen) {
  const quota::Usage total = ledger.total();
  const tree::Census& census = *seen.value;
  Files report{.bytes = total.bytes,
               .inodes = total.inodes,
               .inodes_limit = ledger.total_inode_limit(),
               .objects = census.objects,
               .open_handles = census.handles,
               .held_by = {{"handles", census.held.handles},
                           {"claims", census.held.claims},
                           {"directories", census.held.directories},
                           {"keep_marks", census.held.marks},
                           {"bound_sockets", census.held.sockets},
                           {"mount", census.held.mount},
                           {"nothing", census.held.nothing}},
               .counted_seconds_ago = rounded(seconds_of(seen.age)),
               .deleted_unheld = stats.deleted_unheld};
  for (std::size_t i = 0; i < lifetime::kReasonNames.size(); ++i)
    report.deleted_for[std::string(lifetime::kReasonNames[i])] = stats.deleted_for[i];
  return report;
}

void report_store(const store::StoreStats& stats, Memory& memory, Spill& spill) {
  memory.budget = stats.budget;
  memory.target = stats.target;
  memory.used = stats.memory_used;
  memory.reserve = stats.reserve;
  memory.pressure = stats.under_pressure;
  spill.limit = stats.spill_limit;
  spill.used = stats.spilled;
  spill.blocks_spilled = stats.blocks_spilled;
  spill.blocks_fetched = stats.blocks_fetched;
  spill.blocks_corrupt = stats.blocks_corrupt;
  spill.write_errors = stats.spill_errors;
}

UserRow report_user(const quota::AccountRow& row) {
  return {.uid = row.uid,
          .bytes = row.usage.bytes,
          .inodes = row.usage.inodes,
          .bytes_limit = row.limits.bytes,
          .inodes_limit = row.limits.inodes,
          .own_limits = row.has_override};
}

CountedUserRow report_user(const quota::AccountRow& row, const tree::Census& census) {
  CountedUserRow report{report_user(row)};
  const auto found = census.users.find(row.uid);
  if (found == census.users.end()) return report;
  report.in_memory = found->second.in_memory;
  report.spilled = found->second.spilled;
  report.oldest_file = found->second.oldest;
  return report;
}

std::vector<TopRow> report_sessions(const std::vector<NamedWriter>& writers) {
  std::map<std::pair<pid_t, uid_t>, TopRow> sessions;
  for (const NamedWriter& one : writers)
    add(sessions[{one.writer.session, one.writer.uid}], one, one.leader);
  return rows_of(std::move(sessions));
}

std::vector<TopRow> report_processes(const std::vector<NamedWriter>& writers) {
  std::map<std::pair<pid_t, uid_t>, TopRow> processes;
  for (const NamedWriter& one : writers) {
    if (one.writer.thread == 0) continue;
    const pid_t pid = one.process != 0 ? one.process : one.writer.thread;
    TopRow& row = processes[{pid, one.writer.uid}];
    add(row, one, one.command);
    row.pid = pid;
    row.living = row.living || one.living;
  }
  return rows_of(std::move(processes));
}

std::vector<TopRow> report_users(const std::vector<quota::AccountRow>& users,
                                 const std::vector<NamedWriter>& writers) {
  std::map<uid_t, TopRow> rows;
  for (const quota::AccountRow& user : users) {
    rows[user.uid] = {.uid = user.uid,
                      .bytes = user.usage.bytes,
                      .inodes = user.usage.inodes,
                      .bytes_limit = user.limits.bytes};
  }
  for (const NamedWriter& one : writers) {
    TopRow& row = rows[one.writer.uid];
    row.uid = one.writer.uid;
    row.written += one.writer.bytes;
  }
  return rows_of(std::move(rows));
}

}  // namespace scratchfs::mount
