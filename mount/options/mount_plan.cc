#include "mount/options/mount_plan.h"

#include <sys/mount.h>

#include <algorithm>
#include <variant>

#include "fs/quota/size.h"

namespace scratchfs::mount {

namespace {

using quota::format_size;

Outcome<std::uint64_t> resolve(const char* option, const std::string& text, std::uint64_t whole) {
  // A percentage of 0 is 0; parse_size would refuse it.
  if (whole == 0 && text.ends_with('%')) return std::uint64_t{0};
  const auto size = quota::parse_size(text, whole);
  if (const auto* error = std::get_if<quota::SizeError>(&size)) {
    return usage(std::string("-o ") + option + "=" + text + ": " + quota::explain(*error));
  }
  return *std::get_if<std::uint64_t>(&size);
}

Outcome<std::uint64_t> memory_budget(const MountOptions& options, const Machine& machine) {
  auto budget = resolve("memory", options.memory, machine.memory);
  if (!budget) return budget;
  const std::string what = "-o memory=" + options.memory + ": ";
  if (*budget > machine.memory) {
    return usage(
        what +
        (machine.limited_by_cgroup ? "the control group may use only " : "the machine has only ") +
        format_size(machine.memory) + "; ask for less, or for a share: memory=25%");
  }
  if (*budget < store::kMinBudget) {
    // A percentage may come out too small on a small machine; that is not the user's mistake.
    if (options.memory.ends_with('%') && machine.memory >= store::kMinBudget) {
      return std::uint64_t{store::kMinBudget};
    }
    return usage(what + "the least is " + format_size(store::kMinBudget));
  }
  return budget;
}

Outcome<quota::Limits> user_limits(const char* option, const std::string& bytes,
                                   std::uint64_t inodes, std::uint64_t whole) {
  const auto limit = parse_byte_limit(bytes, whole);
  if (!limit)
    return usage(std::string("-o ") + option + "=" + bytes + ": " + limit.error().message);
  return quota::Limits{*limit, inodes};
}

Outcome<quota::Ledger::Options> ledger_options(const MountOptions& options,
                                               const store::StoreOptions& store) {
  const std::uint64_t whole = store.memory + store.spill;
  quota::Ledger::Options ledger;
  ledger.warn_percent = options.quota_warn;
  ledger.total_inodes =
      options.inodes.value_or(std::max(kLeastInodes, store.memory / kMemoryPerInode));
  const auto each = user_limits("quota", options.quota, options.quota_inodes, whole);
  if (!each) return each.error();
  ledger.everyone = *each;
  for (const UserQuota& quota : options.user_quotas) {
    const auto own = user_limits("user_quota", quota.bytes, quota.inodes, whole);
    if (!own) return own.error();
    ledger.overrides[quota.uid] = *own;
  }
  return ledger;
}

tree::TreeOptions tree_options(const MountOptions& options, const Surroundings& surroundings,
                               std::uint64_t memory) {
  tree::TreeOptions tree;
  tree.max_handles = std::max(kLeastHandles, memory / kMemoryPerHandle);
  tree.lifetime = options.lifetime;
  tree.create_mode = options.create_mode;
  tree.owner = surroundings.uid;
  tree.group = surroundings.gid;
  tree.access_times = access_times(options.kernel_flags);
  tree.private_names = options.private_names;
  tree.root_mode = is_shared(options, surroundings.uid) ? 01777 : 0700;
  return tree;
}

kernel::SessionOptions session_options(const MountOptions& options, uid_t uid) {
  kernel::SessionOptions session;
  session.io_uring = options.io_uring;
  session.spill_timeout = options.spill_timeout;
  session.allow_other = is_shared(options, uid);
  session.owner = uid;
  if (options.source && !options.source->empty()) session.source = *options.source;
  session.mount_options = words_of(options.kernel_flags & ~KernelFlags{MS_STRICTATIME});
  session.strict_access_times = (options.kernel_flags & MS_STRICTATIME) != 0;
  return session;
}

}  // namespace

bool wants_spill(const MountOptions& options) {
  const auto size = quota::parse_size(options.spill, 100);
  const auto* bytes = std::get_if<std::uint64_t>(&size);
  return bytes == nullptr || *bytes != 0;
}

bool is_shared(const MountOptions& options, uid_t uid) {
  return options.allow_other.value_or(uid == 0);
}

Outcome<MountPlan> make_plan(const MountOptions& options, const Surroundings& surroundings) {
  MountPlan plan;
  plan.warnings = options.warnings;
  const auto memory = memory_budget(options, surroundings.machine);
  if (!memory) return memory.error();
  plan.store.memory = *memory;
  plan.lock_memory = options.lock_memory;
  plan.confine = options.confine;
  // RLIMIT_MEMLOCK counts locked memory as soon as its address space is reserved, except for root.
  if (!plan.lock_memory || surroundings.uid == 0) plan.store.most_memory = surroundings.machine.ram;
  if (!plan.lock_memory && !surroundings.plaintext_swap.empty()) {
    plan.warnings.push_back("swap is on and not encrypted (" + surroundings.plaintext_swap.front() +
                            "): contents may be written there; -o lock_memory prevents that");
  }
  const auto spill = resolve("spill", options.spill, surroundings.spill_free);
  if (!spill) return spill.error();
  plan.store.spill = *spill;
  if (wants_spill(options) && plan.store.spill > surroundings.spill_free) {
    plan.warnings.push_back("-o spill=" + options.spill + ": only " +
                            format_size(surroundings.spill_free) + " are free in " +
                            options.spill_directory);
  } else if (wants_spill(options) && plan.store.spill == 0) {
    plan.warnings.push_back(options.spill_directory +
                            ": no space is free there, so nothing can be spilled");
  }
  if ((options.kernel_flags & MS_STRICTATIME) != 0 && surroundings.uid != 0)
    return usage("-o strictatime: only root may use it; leave it out, or use noatime or relatime");
  const auto ledger = ledger_options(options, plan.store);
  if (!ledger) return ledger.error();
  plan.ledger = *ledger;
  plan.quota_whole = plan.store.memory + plan.store.spill;
  plan.tree = tree_options(options, surroundings, plan.store.memory);
  plan.claim = options.claim;
  plan.session = session_options(options, surroundings.uid);
  return plan;
}

}  // namespace scratchfs::mount
