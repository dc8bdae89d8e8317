#include "mount/view/warnings.h"

#include <fmt/ranges.h>

#include <cmath>

#include "fs/base/counted.h"
#include "fs/base/printable.h"
#include "fs/quota/ledger.h"
#include "fs/quota/size.h"
#include "mount/view/user_table.h"

namespace scratchfs::mount {

namespace {

// Warn if less than this share of the spill limit is left.
constexpr double kLittleLeft = 0.1;

using Warnings = std::vector<Warning>;

void look_at_damage(const Spill& spill, Warnings& warnings) {
  if (spill.blocks_corrupt > 0) {
    warnings.push_back(
        {"blocks_corrupt", fmt::format("{} came back damaged (EIO): check the disk under {}",
                                       base::counted(spill.blocks_corrupt, "spilled block"),
                                       base::printable(spill.directory.value_or("?")))});
  }
  if (spill.write_errors > 0) {
    warnings.push_back(
        {"spill_write_errors", fmt::format("{} to the spill files failed: see the log",
                                           base::counted(spill.write_errors, "write"))});
  }
}

void look_at_room(const Spill& spill, Warnings& warnings) {
  if (spill.limit == 0) return;
  const std::uint64_t left = spill.limit > spill.used ? spill.limit - spill.used : 0;
  const auto little = static_cast<double>(spill.limit) * kLittleLeft;
  if (static_cast<double>(left) < little) {
    warnings.push_back(
        {"spill_nearly_full",
         fmt::format("only {} of {} are left to spill to: mount with more, or set quotas",
                     quota::format_size(left), quota::format_size(spill.limit))});
  }
  const auto free = spill.disk_free;
  if (free && *free < left && static_cast<double>(*free) < little) {
    warnings.push_back(
        {"spill_disk_nearly_full",
         fmt::format("only {} are free on the disk of {}, where {} more may be spilled",
                     quota::format_size(*free), base::printable(spill.directory.value_or("?")),
                     quota::format_size(left))});
  }
}

void look_at_limit(uid_t uid, std::uint64_t used, Limit limit, const char* what, unsigned percent,
                   Warnings& warnings) {
  if (used < quota::share_of(limit.value, percent)) return;
  const double share = static_cast<double>(used) / static_cast<double>(limit.value);
  warnings.push_back(
      {"user_nearly_full", fmt::format("{} uses {:.0f}% of the {} allowed", show_user(uid),
                                       std::floor(share * 100), what)});
}

}  // namespace

std::vector<Warning> warnings_of(const Status& status, const std::vector<std::string>& swap) {
  Warnings warnings;
  look_at_damage(status.spill, warnings);
  look_at_room(status.spill, warnings);
  const unsigned percent = status.quota_warn_percent.value_or(0);
  for (const CountedUserRow& row : status.users) {
    look_at_limit(row.uid, row.bytes, row.bytes_limit, "bytes", percent, warnings);
    look_at_limit(row.uid, row.inodes, row.inodes_limit, "inodes", percent, warnings);
  }
  if (!status.memory.locked && !swap.empty()) {
    warnings.push_back(
        {"swap_in_clear", fmt::format("contents in memory can be swapped out in clear, to {}: "
                                      "encrypt it, or mount with lock_memory",
                                      fmt::join(swap, ", "))});
  }
  return warnings;
}

}  // namespace scratchfs::mount
