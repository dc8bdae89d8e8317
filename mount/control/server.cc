#include "mount/control/server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>
#include <utility>
#include <variant>

#include "fs/base/clock.h"
#include "mount/control/status_json.h"
#include "mount/control/top_json.h"
#include "mount/options/mount_options.h"

namespace scratchfs::mount {

ControlServer::ControlServer(MountFacts facts, Gauges gauges, Levers levers, quota::Ledger& ledger,
                             quota::Limits each_user)
    : facts_(std::move(facts)),
      gauges_(std::move(gauges)),
      levers_(std::move(levers)),
      census_(gauges_.census, kCensusRest),
      ledger_(ledger),
      each_user_(each_user) {}

namespace {

void log_asker(const char* what, const kernel::ControlRequest& request) {
  spdlog::info("{}: requested by uid {}, thread {}", what, request.uid, request.thread);
}

}  // namespace

std::string ControlServer::answer(const kernel::ControlRequest& request) {
  const auto read = read_request(request.text);
  if (!read) return write_error(read.error().message);
  if (const auto* asked = std::get_if<StatusRequest>(&*read)) {
    return write_reply("status", status(request.uid, asked->detail));
  }
  if (std::holds_alternative<TopRequest>(*read)) return write_reply("top", top(request.uid));
  if (const auto* change = std::get_if<SetQuotaRequest>(&*read)) {
    if (!is_privileged(request.uid)) {
      return write_error("only root and the user who mounted it may set limits");
    }
    log_asker("quota", request);
    const auto done = set_quota(*change);
    if (!done) return write_error(done.error().message);
  }
  if (const auto* change = std::get_if<SetRequest>(&*read)) {
    if (!is_privileged(request.uid)) {
      return write_error("only root and the user who mounted it may change options");
    }
    log_asker("set", request);
    const auto done = set(*change);
    return done ? write_reply("set", Json::object()) : write_error(done.error().message);
  }
  return write_reply("quota", quota(request.uid));
}

Json ControlServer::about() const {
  return {{"program", SCRATCHFS_VERSION},
          {"mountpoint", facts_.mountpoint},
          {"source", facts_.source},
          {"owner", facts_.owner},
          {"shared", facts_.shared},
          {"pid", facts_.daemon},
          {"guardian_pid", facts_.guardian},
          {"supervised", facts_.supervised},
          {"pid_namespace", facts_.pid_namespace},
          {"mounted_since", facts_.since},
          {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(
                                 std::chrono::steady_clock::now() - started_)
                                 .count()},
          {"lifetime", name_of(facts_.lifetime)},
          {"claim", name_of(facts_.claim)},
          {"create_mode", name_of(facts_.create_mode)},
          {"private_names", facts_.private_names},
          {"confine", facts_.confine ? "auto" : "off"},
          {"quota_file", facts_.quota_file.empty() ? Json(nullptr) : Json(facts_.quota_file)},
          {"subuid", facts_.subuid.empty() ? Json(nullptr) : Json(facts_.subuid)},
          {"quota_warn_percent", facts_.quota_warn == 0 ? Json(nullptr) : Json(facts_.quota_warn)}};
}

Json ControlServer::status(uid_t caller, StatusRequest::Detail detail) {
  Json status = about();
  if (detail == StatusRequest::Detail::about) return status;
  const kernel::SessionStats session = gauges_.session();
  const store::StoreStats store = gauges_.store();
  const SharedCensus::Seen census = census_.get();
  status["transport"] = transport_to_json(session);
  status["requests"] = requests_to_json(session, detail == StatusRequest::Detail::with_histograms);
  status["memory"] = memory_to_json(store, facts_.memory_locked);
  status["spill"] = spill_to_json(store, facts_.spill_directory, gauges_.spill_free());
  status["spill"]["timeout_seconds"] =
      std::chrono::duration_cast<std::chrono::seconds>(facts_.spill_timeout).count();
  status["files"] = files_to_json(ledger_, gauges_.tree(), census);
  status["users"] = rows(caller);
  for (Json& row : status["users"]) add_census(row, *census.value);
  return status;
}

Json ControlServer::top(uid_t caller) {
  const auto clock = std::chrono::steady_clock::now().time_since_epoch();
  const auto only = is_privileged(caller) ? std::nullopt : std::optional(caller);
  const std::vector<NamedWriter> named = writer_names_.name(gauges_.writers(), only);
  const store::StoreStats store = gauges_.store();
  Json top = {
      {"mountpoint", facts_.mountpoint},
      {"clock_ms", std::chrono::duration_cast<std::chrono::milliseconds>(clock).count()},
      {"now", base::now().tv_sec},
      {"memory", memory_to_json(store, facts_.memory_locked)},
      {"spill", spill_to_json(store, facts_.spill_directory, gauges_.spill_free())},
      {"users", rows(caller)},
      {"sessions", sessions_to_json(named)},
      {"processes", processes_to_json(named)},
  };
  add_written(top["users"], named);
  return top;
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
  for (const quota::AccountRow& row : ledger_.table()) rows.push_back(row_to_json(row));
  return rows;
}

void ControlServer::replace_limits(quota::Ledger::Options limits) {
  base::Lock lock(mutex_);
  each_user_ = limits.each_user;
  ledger_.replace_limits(limits.each_user, std::move(limits.overrides));
}

// Refuses a subordinate id: the ledger charges its holder instead, so a limit on the id would have
// no effect.
Outcome<void> ControlServer::check_limited(uid_t uid) const {
  const uid_t holder = ledger_.holder_of(uid);
  if (holder == uid) return {};
  return failed(fmt::format(
      "uid {} is one of the subordinate ids of uid {} (subuid=), who is charged for it: "
      "set the limits of uid {}",
      uid, holder, holder));
}

Outcome<void> ControlServer::set_quota(const SetQuotaRequest& request) {
  base::Lock lock(mutex_);
  if (request.reset) {
    ledger_.set_limits(*request.uid, std::nullopt);
    spdlog::info("quota: uid {} has everyone's limits again", *request.uid);
    return {};
  }
  if (request.uid) {
    if (auto limited = check_limited(*request.uid); !limited) return limited;
  }
  quota::Limits changed = request.uid ? ledger_.row(*request.uid).limits : each_user_;
  changed.bytes = request.bytes.value_or(changed.bytes);
  changed.inodes = request.inodes.value_or(changed.inodes);
  if (request.uid) {
    ledger_.set_limits(*request.uid, changed);
    spdlog::info("quota: uid {} has new limits", *request.uid);
    return {};
  }
  each_user_ = changed;
  ledger_.set_default(changed);
  spdlog::info("quota: everyone has new limits");
  return {};
}

}  // namespace scratchfs::mount
