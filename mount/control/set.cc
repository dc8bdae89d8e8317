// Changes options of a live mount, checking them as if it were mounted anew with them.

#include <algorithm>
#include <cerrno>
#include <string>

#include "fs/base/counted.h"
#include "fs/base/log.h"
#include "fs/quota/size.h"
#include "mount/control/server.h"

namespace scratchfs::mount {

namespace {

using quota::format_size;

std::string show_limit(const quota::Limits& limits) {
  return (limits.bytes == quota::kUnlimited ? "any size" : format_size(limits.bytes)) + ", " +
         (limits.inodes == quota::kUnlimited ? "any number of inodes"
                                             : base::counted(limits.inodes, "inode"));
}

Refusal memory_refusal(const std::string& text, base::Errno error, const store::StoreStats& now) {
  const std::string what = "-o memory=" + text + ": ";
  if (error == base::Errno{EBUSY} && now.spill_limit == 0) {
    return failed(what + format_size(now.memory_used) +
                  " are in use, and nothing may spill; delete something first");
  }
  if (error == base::Errno{EBUSY}) {
    return failed(what + "of the " + format_size(now.memory_used) +
                  " in use more would have to spill than there is room for, or more must stay in "
                  "memory (small files, a note of each spilled block); delete something, or raise "
                  "spill= first");
  }
  return failed(what + "no address space (ulimit -v); mount anew for that much");
}

}  // namespace

// Makes the plan of a mount with the requested changes. All else is given its current value, so
// that it cannot be a reason to refuse.
Outcome<MountPlan> ControlServer::plan_of(const SetRequest& request,
                                          const store::StoreStats& now) const {
  MountOptions options;
  options.memory = request.memory.value_or(std::to_string(now.budget));
  options.spill = request.spill.value_or(std::to_string(now.spill_limit));
  const bool no_limit = everyone_.bytes == quota::kUnlimited;
  options.quota = request.quota.value_or(no_limit ? kNoLimit : std::to_string(everyone_.bytes));
  options.quota_inodes = request.quota_inodes.value_or(everyone_.inodes).value;
  options.user_quotas = request.user_quotas;
  Surroundings surroundings{.machine = levers_.machine(),
                            .spill_free = now.spilled - now.set_aside};
  if (!request.memory) surroundings.machine.memory = std::max(now.budget, store::kMinBudget);
  surroundings.spill_free += gauges_.spill_free().value_or(0);
  return make_plan(options, surroundings);
}

Outcome<void> ControlServer::set_sizes(const SetRequest& request, const MountPlan& plan,
                                       const store::StoreStats& now) {
  if (request.spill && plan.store.spill > 0 && !facts_.spill.directory) {
    return failed("-o spill=" + *request.spill +
                  ": it was mounted with spill=0, so there is nothing to spill to");
  }
  // Makes room on the disk first, because memory that shrinks may need it.
  const bool more_spill = request.spill && plan.store.spill > now.spill_limit;
  if (more_spill) (void)levers_.set_spill(plan.store.spill);
  if (request.memory) {
    if (const auto set = levers_.set_memory(plan.store.memory); !set) {
      if (more_spill) (void)levers_.set_spill(now.spill_limit);
      return memory_refusal(*request.memory, set.error(), now);
    }
    log::info("set: {} of memory, was {}", format_size(plan.store.memory), format_size(now.budget));
  }
  if (request.spill) {
    (void)levers_.set_spill(plan.store.spill);
    log::info("set: {} of spill, was {}", format_size(plan.store.spill),
              format_size(now.spill_limit));
  }
  return {};
}

Outcome<void> ControlServer::set(const SetRequest& request) {
  base::Lock lock(mutex_);
  const store::StoreStats now = gauges_.store();
  if (request.log_level) {
    const auto known = parse_mount_options({"log_level=" + *request.log_level});
    if (!known) return known.error();
  }
  KernelFlags flags = 0;
  for (const std::string& word : split_options({request.flags.value_or("")})) {
    if (!is_kernel_flag(word)) return usage("-o " + word + ": not a kernel mount flag");
    apply_kernel_flag(word, flags);
  }
  const auto plan = plan_of(request, now);
  if (!plan) return plan.error();
  for (const auto& [uid, limits] : plan->ledger.overrides) {
    if (auto limited = check_limited(uid); !limited) return limited;
  }
  if (auto sizes = set_sizes(request, *plan, now); !sizes) return sizes;
  if (request.spill) {
    for (const std::string& warning : plan->warnings) log::warn("{}", warning);
  }
  if (request.quota || request.quota_inodes) {
    everyone_ = plan->ledger.everyone;
    ledger_.set_everyone(everyone_);
    log::info("set: everyone may have {}", show_limit(everyone_));
  }
  for (const auto& [uid, limits] : plan->ledger.overrides) {
    ledger_.set_limits(uid, limits);
    log::info("set: uid {} may have {}", uid, show_limit(limits));
  }
  if (request.flags) levers_.set_access_times(access_times(flags));
  if (request.log_level) log::set_level(*request.log_level);
  return {};
}

}  // namespace scratchfs::mount
