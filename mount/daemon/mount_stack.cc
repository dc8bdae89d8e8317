#include "mount/daemon/mount_stack.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "fs/base/clock.h"
#include "fs/base/counted.h"
#include "fs/base/log.h"
#include "fs/base/pids.h"
#include "fs/base/thread_limit.h"
#include "fs/mounts/mount.h"
#include "fs/quota/size.h"
#include "mount/daemon/quota_watch.h"
#include "mount/daemon/shutdown_audit.h"
#include "mount/options/machine.h"
#include "mount/process/logging.h"
#include "mount/process/privileges.h"
#include "mount/process/seccomp_filter.h"
#include "mount/process/signals.h"

namespace scratchfs::mount {

namespace {

#ifdef NDEBUG
constexpr bool kAuditAtEnd = false;
#else
constexpr bool kAuditAtEnd = true;
#endif

bool has_terminal() {
  return base::Descriptor(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)).valid();
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

Status facts_of(const DaemonSetup& setup, const Guardian& guardian) {
  const MountPlan& plan = setup.plan;
  Status facts;
  facts.program = SCRATCHFS_VERSION;
  facts.mountpoint = setup.mountpoint;
  facts.source = plan.session.source;
  facts.owner = plan.tree.owner;
  facts.shared = plan.session.allow_other;
  facts.pid = ::getpid();
  facts.guardian_pid = guardian.pid();
  facts.supervised = guardian.supervises();
  facts.pid_namespace = base::own_pid_namespace();
  facts.mounted_since = base::now().tv_sec;
  facts.lifetime = name_of(plan.tree.lifetime);
  facts.claim = name_of(plan.claim);
  facts.create_mode = name_of(plan.tree.create_mode);
  facts.private_names = plan.tree.private_names;
  facts.confine = plan.confine ? "auto" : "off";
  facts.quota_file = unless_empty(setup.quota_file);
  facts.subuid = unless_empty(setup.subuid_file);
  if (plan.ledger.warn_percent > 0) facts.quota_warn_percent = plan.ledger.warn_percent;
  facts.memory.locked = plan.lock_memory;
  facts.spill.directory = unless_empty(setup.spill_path);
  facts.spill.timeout_seconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(plan.session.spill_timeout).count());
  return facts;
}

}  // namespace

Gauges MountStack::gauges() {
  Gauges gauges;
  gauges.store = [this] { return store_->stats(); };
  gauges.tree = [this] { return tree_->stats(); };
  gauges.census = [this] { return tree_->census(); };
  // session_ is valid here: requests arrive only while it serves.
  gauges.session = [this] { return session_->stats(); };
  gauges.writers = [this] { return session_->writers(); };
  gauges.spill_free = [directory = spill_directory_.get()]() -> std::optional<std::uint64_t> {
    if (directory == nullptr) return std::nullopt;
    const auto free = directory->free_bytes();
    return free ? std::optional(*free) : std::nullopt;
  };
  return gauges;
}

Levers MountStack::levers() {
  return {.set_memory = [this](std::uint64_t bytes) { return store_->set_memory(bytes); },
          .set_spill = [this](std::uint64_t bytes) { return store_->set_spill(bytes); },
          .set_access_times = [this](tree::AccessTimes times) { tree_->set_access_times(times); },
          .machine = [] { return this_machine(); }};
}

void MountStack::give_up_privileges() {
  confined_ = setup_.plan.confine && needs_no_helper();
  if (!confined_) return;
  mount::give_up_privileges(
      {.lock_memory = setup_.plan.lock_memory, .spill_directory = spill_directory_.get()});
}

// Filters system calls, once everything is done that needs more of them than serving does.
void MountStack::confine() {
  if (!confined_) return;
  if (const auto filtered = filter_system_calls(); !filtered)
    log::info("system calls are not filtered: {}", strerrordesc_np(filtered.error().value()));
}

Outcome<void> MountStack::make() {
  MountPlan& plan = setup_.plan;
  plan.store.spill_directory = spill_directory_.get();
  plan.store.pressure = pressure_.get();
  auto store = store::Store::create(plan.store);
  if (!store && store.error() == base::Errno(EAGAIN)) return failed(base::kThreadLimit);
  if (!store)
    return failed("memory for " + quota::format_size(plan.store.memory), store.error().value());
  store_ = std::move(*store);
  quota::Ledger::Options ledger = with_quotas(plan.ledger, setup_.quotas);
  ledger.holders = quota::Holders(setup_.subordinate_ids.ranges);
  ledger_ = std::make_unique<quota::Ledger>(ledger);
  auto claimants = lifetime::make_claimants(plan.claim, {::getpid(), guardian_.pid()});
  if (!claimants) return failed(claimants.error().message);
  claimants_ = std::move(*claimants);
  tree_ = std::make_unique<tree::Tree>(plan.tree, *store_, *ledger_, *claimants_);
  control_ = std::make_unique<ControlServer>(facts_of(setup_, guardian_), gauges(), levers(),
                                             *ledger_, ledger.everyone);
  auto session = kernel::Session::create(
      *tree_, [this](const kernel::ControlRequest& request) { return control_->answer(request); },
      plan.session);
  if (!session) return failed(session.error().message);
  session_ = std::move(*session);
  return {};
}

// Watches bound sockets. Takes the device number from the mount table, because a stat(2) of the
// mount would block: nothing serves it yet.
void MountStack::watch_sockets() {
  const auto device = mounts::parse_device(session_->mounted().device);
  if (device) tree_->watch_sockets([device] { return lifetime::bound_sockets(*device); });
}

// Returns what SIGHUP does; null if it ends the mount. The kernel also sends SIGHUP when a terminal
// hangs up, which ends a daemon in the foreground of that terminal unless it has a quota file.
std::function<void()> MountStack::on_hang_up() {
  if (setup_.quota_file.empty() && setup_.foreground && has_terminal()) return nullptr;
  return [this] {
    if (!setup_.subuid_file.empty()) read_subuid_again();
    if (!setup_.quota_file.empty()) read_quotas_again();
    if (setup_.subuid_file.empty() && setup_.quota_file.empty())
      log::info("{}: SIGHUP: there is no file to read", setup_.mountpoint);
  };
}

void MountStack::read_subuid_again() {
  const auto ids = read_subordinate_ids(setup_.subuid_file);
  if (!ids || ids->bad_line != 0) {
    log::error("{}; subordinate ids stay as they were",
               ids ? describe_bad_line(*ids, setup_.subuid_file) : ids.error().message);
    return;
  }
  ledger_->replace_holders(quota::Holders(ids->ranges));
  tree_->charge_holders();
  log::info("{}: subordinate ids read again: {}", setup_.subuid_file,
            base::counted(ids->ranges.size(), "range"));
}

void MountStack::read_quotas_again() {
  const store::StoreStats now = store_->stats();
  const auto quotas = read_quota_file(setup_.quota_file, now.budget + now.spill_limit);
  if (!quotas) {
    log::error("{}; the limits stay as they were", quotas.error().message);
    return;
  }
  control_->replace_limits(with_quotas(setup_.plan.ledger, *quotas));
  log::info("{}: limits read again", setup_.quota_file);
}

std::string MountStack::description() const {
  const MountPlan& plan = setup_.plan;
  return fmt::format("mounted over {}: {} of memory, {} of spill in {}",
                     session_->stats().io_uring ? "io_uring" : "/dev/fuse",
                     quota::format_size(plan.store.memory), quota::format_size(plan.store.spill),
                     setup_.spill_path.empty() ? "no directory" : setup_.spill_path);
}

bool MountStack::adds_up() const {
  if (!kAuditAtEnd) return true;
  const auto differences = settled_differences([this] { return tree_->has_deferred_sweeps(); },
                                               [this] { return tree_->audit(); });
  for (const std::string& line : differences) log::error("audit: {}", line);
  return differences.empty();
}

int MountStack::serve(const ReportReady& ready) {
  base::Result<void, base::Failure> served;
  {
    const SignalWatch signals([this] { session_->stop(); }, on_hang_up());
    const QuotaWatch quotas(*ledger_);
    if (auto mounted = session_->mount(setup_.mountpoint, setup_.directory); !mounted)
      return report(failed(mounted.error().message));
    setup_.directory = base::Descriptor();
    watch_sockets();
    guardian_.tell_mounted(session_->mounted());
    served = session_->serve([&] { announce(ready); });
    manager_.tell("STOPPING=1");
  }
  return finish(served);
}

// Tells everyone who waits for it that the mount answers.
void MountStack::announce(const ReportReady& ready) {
  answered_ = true;
  setup_.lock.release();
  const std::string text = description();
  log::info("{}: {}", setup_.mountpoint, text);
  confine();
  leave_terminal();
  manager_.tell("READY=1\nSTATUS=" + text);
  if (!ready()) return session_->stop();
  guardian_.tell_answering();
}

// Leaves nothing behind, and returns the exit code.
int MountStack::finish(const base::Result<void, base::Failure>& served) {
  session_.reset();
  if (setup_.remove_mountpoint) ::rmdir(setup_.mountpoint.c_str());
  // If the mount never answered, unmounting may have failed because no process could be started for
  // it (ulimit -u); then the guardian detaches the mount.
  if (served || answered_ || guardian_.supervises()) {
    guardian_.dismiss();
  } else {
    guardian_.leave_mount();
  }
  if (!served && !answered_) return report(failed(served.error().message));
  if (!served) {
    log::error("{}: {}", setup_.mountpoint, served.error().message);
    return kFailed;
  }
  log::info("{}: unmounted", setup_.mountpoint);
  return adds_up() ? kFine : kFailed;
}

}  // namespace scratchfs::mount
