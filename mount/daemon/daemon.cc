#include "mount/daemon/daemon.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

#include "fs/base/clock.h"
#include "fs/base/counted.h"
#include "fs/base/descriptor.h"
#include "fs/base/log.h"
#include "fs/base/memory_pressure.h"
#include "fs/base/pids.h"
#include "fs/base/thread_limit.h"
#include "fs/lifetime/claim_kind.h"
#include "fs/mounts/mount.h"
#include "fs/quota/size.h"
#include "fs/store/locked_memory.h"
#include "mount/control/server.h"
#include "mount/daemon/guardian.h"
#include "mount/daemon/quota_watch.h"
#include "mount/daemon/shutdown_audit.h"
#include "mount/options/swap.h"
#include "mount/process/hardening.h"
#include "mount/process/logging.h"
#include "mount/process/privileges.h"
#include "mount/process/sd_notify.h"
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

// The parts of a mount: created in the order of the members, destroyed in reverse.
class MountStack {
 public:
  MountStack(DaemonSetup& setup, Guardian guardian, const ServiceManager& manager)
      : setup_(setup),
        manager_(manager),
        guardian_(std::move(guardian)),
        spill_directory_(std::move(setup.spill_directory)),
        pressure_(base::system_memory_pressure()) {}

  // REQUIRES: the process has no other threads.
  void give_up_privileges();
  Outcome<void> make();
  int serve(const ReportReady& ready);

 private:
  Gauges gauges();
  Levers levers();
  void watch_sockets();
  std::function<void()> on_hang_up();
  void read_quotas_again();
  void read_subuid_again();
  std::string description() const;
  bool adds_up() const;
  void confine();

  DaemonSetup& setup_;
  const ServiceManager& manager_;
  Guardian guardian_;
  bool confined_ = false;
  std::unique_ptr<base::OsDirectory> spill_directory_;  // removes any names it made when destroyed
  std::unique_ptr<base::MemoryPressure> pressure_;      // opened before privileges are dropped
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<quota::Ledger> ledger_;
  std::unique_ptr<lifetime::ClaimantKind> claimants_;
  std::unique_ptr<tree::Tree> tree_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<kernel::Session> session_;
};

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
  bool answered = false;
  base::Result<void, base::Failure> served;
  {
    const SignalWatch signals([this] { session_->stop(); }, on_hang_up());
    const QuotaWatch quotas(*ledger_);
    if (auto mounted = session_->mount(setup_.mountpoint, setup_.directory); !mounted) {
      return report(failed(mounted.error().message));
    }
    setup_.directory = base::Descriptor();
    watch_sockets();
    guardian_.tell_mounted(session_->mounted());
    served = session_->serve([&] {
      answered = true;
      setup_.lock.release();
      const std::string text = description();
      log::info("{}: {}", setup_.mountpoint, text);
      confine();
      leave_terminal();
      manager_.tell("READY=1\nSTATUS=" + text);
      if (!ready()) return session_->stop();
      guardian_.tell_answering();
    });
    manager_.tell("STOPPING=1");
  }
  session_.reset();
  if (setup_.remove_mountpoint) ::rmdir(setup_.mountpoint.c_str());
  // If the mount never answered, unmounting may have failed because no process could be started for
  // it (ulimit -u); then the guardian detaches the mount.
  if (served || answered || guardian_.supervises()) {
    guardian_.dismiss();
  } else {
    guardian_.leave_mount();
  }
  if (!served) {
    if (answered) {
      log::error("{}: {}", setup_.mountpoint, served.error().message);
      return kFailed;
    }
    return report(failed(served.error().message));
  }
  log::info("{}: unmounted", setup_.mountpoint);
  return adds_up() ? kFine : kFailed;
}

int run(DaemonSetup& setup, const ReportReady& ready) {
  block_signals();
  if (!setup.guardian) start_logging(setup.foreground, setup.log_level);
  for (const auto* warnings : {&setup.plan.warnings, &setup.warnings}) {
    for (const std::string& warning : *warnings) log::warn("{}", warning);
  }
  // A daemon in the background is not the main process of a service.
  const auto manager = setup.foreground ? ServiceManager::from_environment() : ServiceManager();
  if (!setup.guardian) {
    auto guardian = Guardian::start(setup.mountpoint, {setup.remove_mountpoint, manager});
    if (!guardian) return report(guardian.error());
    setup.guardian = std::move(*guardian);
  }
  harden();
  if (const auto locked = store::install_crypto_allocator(); !locked) {
    return report(failed("locked memory for the key (ulimit -l)", locked.error().value()));
  }
  MountStack stack(setup, std::move(*setup.guardian), manager);
  stack.give_up_privileges();
  if (const auto made = stack.make(); !made) return report(made.error());
  if (setup.plan.lock_memory) {
    if (const auto locked = lock_all_memory(); !locked) return report(locked.error());
  }
  return stack.serve(ready);
}

}  // namespace

int run_daemon(DaemonSetup& setup, const ReportReady& ready) {
  try {
    return run(setup, ready);
  } catch (const std::system_error& error) {
    // Thrown by std::thread; the parts created so far have been destroyed.
    const bool limit = error.code() == std::errc::resource_unavailable_try_again;
    return report(failed(limit ? base::kThreadLimit : error.what()));
  } catch (const std::bad_alloc&) {
    return report(failed("no memory for the daemon itself (ulimit -v)"));
  }
}

}  // namespace scratchfs::mount
