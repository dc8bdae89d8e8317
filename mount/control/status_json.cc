#include "mount/control/status_json.h"

#include <cmath>

namespace scratchfs::mount {

namespace {

// The histogram shows only the bucket bounds at 1 us, 4 us, 16 us, ... 17 s.
constexpr std::size_t kFirstBound = 12;
constexpr std::size_t kBoundStep = 8;
static_assert(kernel::latency_bound(kFirstBound) == 1024);

template <typename Visit>
void for_each_bound(Visit visit) {
  for (std::size_t i = kFirstBound; i + 1 < kernel::kLatencyBuckets; i += kBoundStep) visit(i);
}

// Rounds to a thousandth, to print no meaningless digits.
double rounded(double value) { return std::round(value * 1000) / 1000; }

Json kind_to_json(const kernel::SessionStats::Requests& kind, double seconds, bool histograms) {
  const std::uint64_t recent = kind.recent.count();
  const auto quantile = [&](double share) {
    return recent == 0 ? Json(nullptr) : Json(kind.recent.quantile(share));
  };
  Json json = {{"total", kind.total.count()},
               {"recent", recent},
               {"per_second", seconds > 0 ? rounded(static_cast<double>(recent) / seconds) : 0.0},
               {"p50_ns", quantile(0.5)},
               {"p99_ns", quantile(0.99)}};
  if (!histograms) return json;
  json["sum_ns"] = kind.total.nanoseconds;
  Json& below = json["below_bounds"] = Json::array();
  for_each_bound([&](std::size_t i) { below.push_back(kind.total.count_below(i)); });
  return json;
}

}  // namespace

Json memory_to_json(const store::StoreStats& stats, bool locked) {
  return {{"budget", stats.budget},           {"target", stats.target},
          {"used", stats.memory_used},        {"reserve", stats.reserve},
          {"pressure", stats.under_pressure}, {"locked", locked}};
}

Json spill_to_json(const store::StoreStats& stats, const std::string& directory,
                   std::optional<std::uint64_t> disk_free) {
  return {{"directory", directory.empty() ? Json(nullptr) : Json(directory)},
          {"limit", stats.spill_limit},
          {"used", stats.spilled},
          {"disk_free", disk_free ? Json(*disk_free) : Json(nullptr)},
          {"blocks_spilled", stats.blocks_spilled},
          {"blocks_fetched", stats.blocks_fetched},
          {"blocks_corrupt", stats.blocks_corrupt},
          {"write_errors", stats.spill_errors}};
}

Json transport_to_json(const kernel::SessionStats& stats) {
  // Leaves out the status request itself, which is parked too.
  const std::uint64_t parked = stats.parked > 0 ? stats.parked - 1 : 0;
  return {{"io_uring", stats.io_uring},
          {"rings", stats.rings},
          {"ring_depth", stats.ring_depth},
          {"ring_bytes", stats.ring_bytes},
          {"parked", parked},
          {"parked_total", stats.parked_total}};
}

Json requests_to_json(const kernel::SessionStats& stats, bool histograms) {
  const double seconds = std::chrono::duration<double>(stats.recent_span).count();
  Json kinds = Json::object();
  for (const auto& kind : stats.requests) {
    kinds[kind.name] = kind_to_json(kind, seconds, histograms);
  }
  Json json = {{"recent_seconds", rounded(seconds)}, {"kinds", std::move(kinds)}};
  if (!histograms) return json;
  Json& bounds = json["bounds_ns"] = Json::array();
  for_each_bound([&](std::size_t i) { bounds.push_back(kernel::latency_bound(i)); });
  return json;
}

Json files_to_json(const quota::Ledger& ledger, const tree::TreeStats& stats,
                   const SharedCensus::Seen& seen) {
  const quota::Usage total = ledger.total();
  const tree::Census& census = *seen.value;
  Json deleted = Json::object();
  for (std::size_t i = 0; i < lifetime::kReasonNames.size(); ++i) {
    deleted[std::string(lifetime::kReasonNames[i])] = stats.deleted_for[i];
  }
  return {{"bytes", total.bytes},
          {"inodes", total.inodes},
          {"inodes_limit", limit_to_json(ledger.total_inode_limit())},
          {"objects", census.objects},
          {"open_handles", census.handles},
          {"held_by",
           {{"handles", census.held.handles},
            {"claims", census.held.claims},
            {"directories", census.held.directories},
            {"keep_marks", census.held.marks},
            {"bound_sockets", census.held.sockets},
            {"mount", census.held.mount},
            {"nothing", census.held.nothing}}},
          {"counted_seconds_ago", rounded(std::chrono::duration<double>(seen.age).count())},
          {"deleted_unheld", stats.deleted_unheld},
          {"deleted_for", std::move(deleted)}};
}

Json limits_to_json(const quota::Limits& limits) {
  return {{"bytes_limit", limit_to_json(limits.bytes)},
          {"inodes_limit", limit_to_json(limits.inodes)}};
}

Json row_to_json(const quota::AccountRow& row) {
  Json json = limits_to_json(row.limits);
  json["uid"] = row.uid;
  json["bytes"] = row.usage.bytes;
  json["inodes"] = row.usage.inodes;
  json["own_limits"] = row.has_override;
  return json;
}

void add_census(Json& row, const tree::Census& census) {
  const auto found = census.users.find(row["uid"].get<uid_t>());
  const tree::Census::User user =
      found == census.users.end() ? tree::Census::User{} : found->second;
  row["in_memory"] = user.in_memory;
  row["spilled"] = user.spilled;
  row["oldest_file"] = user.oldest ? Json(*user.oldest) : Json(nullptr);
}

}  // namespace scratchfs::mount
