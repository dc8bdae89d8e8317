#include "mount/control/server.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>
#include <variant>

#include "fs/base/clock.h"
#include "fs/base/log.h"
#include "mount/options/mount_options.h"

namespace scratchfs::mount {

ControlServer::ControlServer(Status facts, Gauges gauges, Levers levers, quota::Ledger& ledger,
                             quota::Limits everyone)
    : facts_(std::move(facts)),
      gauges_(std::move(gauges)),
      levers_(std::move(levers)),
      census_(gauges_.census, kCensusRest),
      ledger_(ledger),
      everyone_(everyone) {}

namespace {

void log_asker(const char* what, const kernel::ControlRequest& request) {
  log::info("{}: requested by uid {}, thread {}", what, request.uid, request.thread);
}

}  // namespace

std::string ControlServer::answer(const kernel::ControlRequest& request) {
  const auto read = read_request(request.text);
  if (!read) return write_error(read.error().message);
  const uid_t caller = request.uid;
  if (const auto* asked = std::get_if<StatusRequest>(&*read)) {
    if (asked->detail != StatusRequest::Detail::about)
      return write_reply(status(caller, asked->detail));
    const About& fixed = facts_;
    About about = fixed;
    about.uptime_seconds = uptime_seconds();
    return write_reply(about);
  }
  if (std::holds_alternative<TopRequest>(*read)) return write_reply(top(caller));
  if (const auto* change = std::get_if<SetQuotaRequest>(&*read)) {
    if (!is_privileged(caller))
      return write_error("only root and the user who mounted it may set limits");
    log_asker("quota", request);
    if (const auto done = set_quota(*change); !done) return write_error(done.error().message);
  }
  if (const auto* change = std::get_if<SetRequest>(&*read)) {
    if (!is_privileged(caller))
      return write_error("only root and the user who mounted it may change options");
    log_asker("set", request);
    const auto done = set(*change);
    return done ? write_reply(OptionsSet{}) : write_error(done.error().message);
  }
  return write_reply(quota(caller));
}

std::uint64_t ControlServer::uptime_seconds() const {
  const auto up = std::chrono::steady_clock::now() - started_;
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(up).count());
}

Status ControlServer::status(uid_t caller, StatusRequest::Detail detail) {
  Status status = facts_;
  status.uptime_seconds = uptime_seconds();
  const kernel::SessionStats session = gauges_.session();
  const SharedCensus::Seen census = census_.get();
  status.transport = report_transport(session);
  status.requests = report_requests(session, detail == StatusRequest::Detail::with_histograms);
  report_store(gauges_.store(), status.memory, status.spill);
  status.spill.disk_free = gauges_.spill_free();
  status.files = report_files(ledger_, gauges_.tree(), census);
  for (const auto& row : rows(caller)) status.users.push_back(report_user(row, *census.value));
  return status;
}

Top ControlServer::top(uid_t caller) {
  const auto clock = std::chrono::steady_clock::now().time_since_epoch();
  const auto only = is_privileged(caller) ? std::nullopt : std::optional(caller);
  const std::vector<NamedWriter> named = writer_names_.name(gauges_.writers(), only);
  Top top{.mountpoint = facts_.mountpoint,
          .clock_ms = std::chrono::duration_cast<std::chrono::milliseconds>(clock).count(),
          .now = base::now().tv_sec,
          .memory = facts_.memory,
          .spill = facts_.spill,
          .users = report_users(rows(caller), named),
          .sessions = report_sessions(named),
          .processes = report_processes(named)};
  report_store(gauges_.store(), top.memory, top.spill);
  top.spill.disk_free = gauges_.spill_free();
  return top;
}

Quota ControlServer::quota(uid_t caller) const {
  base::Lock lock(mutex_);
  Quota quota{.everyone = {everyone_.bytes, everyone_.inodes}};
  for (const auto& row : rows(caller)) quota.users.push_back(report_user(row));
  return quota;
}

std::vector<quota::AccountRow> ControlServer::rows(uid_t caller) const {
  if (is_privileged(caller)) return ledger_.table();
  return {ledger_.row(caller)};
}

void ControlServer::replace_limits(quota::Ledger::Options limits) {
  base::Lock lock(mutex_);
  everyone_ = limits.everyone;
  ledger_.replace_limits(limits.everyone, std::move(limits.overrides));
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
    log::info("quota: uid {} has everyone's limits again", *request.uid);
    return {};
  }
  if (request.uid) {
    if (auto limited = check_limited(*request.uid); !limited) return limited;
  }
  quota::Limits changed = request.uid ? ledger_.row(*request.uid).limits : everyone_;
  changed.bytes = request.bytes.value_or(changed.bytes).value;
  changed.inodes = request.inodes.value_or(changed.inodes).value;
  if (request.uid) {
    ledger_.set_limits(*request.uid, changed);
    log::info("quota: uid {} has new limits", *request.uid);
    return {};
  }
  everyone_ = changed;
  ledger_.set_everyone(changed);
  log::info("quota: everyone has new limits");
  return {};
}

}  // namespace scratchfs::mount
