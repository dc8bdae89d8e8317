#include "mount/control_server.h"

#include <spdlog/spdlog.h>

#include <ctime>
#include <utility>
#include <variant>

#include "fs/base/clock.h"
#include "mount/mount_options.h"

namespace scratchfs::mount {

namespace {

Json limits_to_json(const limits::Limits& limits) {
  return {{"bytes_limit", limit_to_json(limits.bytes)},
          {"inodes_limit", limit_to_json(limits.inodes)}};
}

Json row_to_json(const limits::AccountRow& row) {
  Json json = limits_to_json(row.limits);
  json["uid"] = row.uid;
  json["bytes"] = row.usage.bytes;
  json["inodes"] = row.usage.inodes;
  json["own_limits"] = row.has_override;
  return json;
}

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
  Json requests = Json::object();
  for (const auto& opcode : stats.opcodes) requests[opcode.name] = opcode.count;
  // The request that asks waits too: it is not what anybody wants to know.
  const std::uint64_t parked = stats.parked > 0 ? stats.parked - 1 : 0;
  return {{"io_uring", stats.io_uring},
          {"rings", stats.rings},
          {"ring_depth", stats.ring_depth},
          {"ring_bytes", stats.ring_bytes},
          {"parked", parked},
          {"parked_total", stats.parked_total},
          {"requests", std::move(requests)}};
}

}  // namespace

ControlServer::ControlServer(MountFacts facts, Gauges gauges, Levers levers, limits::Ledger& ledger,
                             limits::Limits each_user)
    : facts_(std::move(facts)),
      gauges_(std::move(gauges)),
      levers_(std::move(levers)),
      ledger_(ledger),
      each_user_(each_user) {}

std::string ControlServer::answer(const kernel::ControlRequest& request) {
  const auto read = read_request(request.text);
  if (!read) return write_error(read.error().message);
  if (std::holds_alternative<StatusRequest>(*read))
    return write_reply("status", status(request.uid));
  if (const auto* change = std::get_if<SetQuotaRequest>(&*read)) {
    if (!is_privileged(request.uid)) {
      return write_error("only root and who mounted it may set limits");
    }
    set_quota(*change);
  }
  if (const auto* change = std::get_if<SetRequest>(&*read)) {
    if (!is_privileged(request.uid)) {
      return write_error("only root and who mounted it may change options");
    }
    const auto done = set(*change);
    return done ? write_reply("set", Json::object()) : write_error(done.error().message);
  }
  return write_reply("quota", quota(request.uid));
}

Json ControlServer::status(uid_t caller) const {
  const limits::Usage total = ledger_.total();
  return {
      {"program", SCRATCHFS_VERSION},
      {"mountpoint", facts_.mountpoint},
      {"source", facts_.source},
      {"owner", facts_.owner},
      {"shared", facts_.shared},
      {"pid", facts_.daemon},
      {"guardian_pid", facts_.guardian},
      {"pid_namespace", facts_.pid_namespace},
      {"mounted_since", facts_.since},
      {"uptime_seconds", base::now().tv_sec - facts_.since},
      {"lifetime", name_of(facts_.lifetime)},
      {"claim", name_of(facts_.claim)},
      {"create_mode", name_of(facts_.create_mode)},
      {"transport", transport_to_json(gauges_.session())},
      {"memory", memory_to_json(gauges_.store(), facts_.memory_locked)},
      {"spill", spill_to_json(gauges_.store(), facts_.spill_directory, gauges_.spill_free())},
      {"files",
       {{"bytes", total.bytes},
        {"inodes", total.inodes},
        {"inodes_limit", limit_to_json(ledger_.total_inode_limit())},
        {"deleted_unheld", gauges_.tree().deleted_unheld}}},
      {"users", rows(caller)},
  };
}

Json ControlServer::quota(uid_t caller) const {
  base::Lock lock(mutex_);
  return {{"everyone", limits_to_json(each_user_)}, {"users", rows(caller)}};
}

Json ControlServer::rows(uid_t caller) const {
  Json rows = Json::array();
  if (!is_privileged(caller)) {
    rows.push_back(row_to_json(ledger_.row(caller)));
    return rows;
  }
  for (const limits::AccountRow& row : ledger_.table()) rows.push_back(row_to_json(row));
  return rows;
}

void ControlServer::set_quota(const SetQuotaRequest& request) {
  base::Lock lock(mutex_);
  if (request.reset) {
    ledger_.set_limits(*request.uid, std::nullopt);
    spdlog::info("quota: uid {} has everyone's limits again", *request.uid);
    return;
  }
  limits::Limits changed = request.uid ? ledger_.row(*request.uid).limits : each_user_;
  changed.bytes = request.bytes.value_or(changed.bytes);
  changed.inodes = request.inodes.value_or(changed.inodes);
  if (request.uid) {
    ledger_.set_limits(*request.uid, changed);
    spdlog::info("quota: uid {} has new limits", *request.uid);
    return;
  }
  each_user_ = changed;
  ledger_.set_default(changed);
  spdlog::info("quota: everyone has new limits");
}

}  // namespace scratchfs::mount
