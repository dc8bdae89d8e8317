#include "mount/view/warnings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "fs/base/counted.h"
#include "fs/quota/ledger.h"
#include "fs/quota/size.h"
#include "mount/view/user_table.h"

namespace scratchfs::mount {

namespace {

// Warn if less than this share of the spill limit is left.
constexpr double kLittleLeft = 0.1;

void warn(Json& warnings, const char* code, std::string text) {
  warnings.push_back({{"code", code}, {"text", std::move(text)}});
}

void look_at_damage(const Json& spill, Json& warnings) {
  if (const auto count = natural(member(spill, "blocks_corrupt")).value_or(0); count > 0) {
    warn(warnings, "blocks_corrupt",
         fmt::format("{} came back damaged (EIO): check the disk under {}",
                     base::counted(count, "spilled block"), text_of(member(spill, "directory"))));
  }
  if (const auto count = natural(member(spill, "write_errors")).value_or(0); count > 0) {
    warn(warnings, "spill_write_errors",
         fmt::format("{} to the spill files failed: see the log", base::counted(count, "write")));
  }
}

void look_at_room(const Json& spill, Json& warnings) {
  const auto limit = natural(member(spill, "limit")).value_or(0);
  const auto used = natural(member(spill, "used")).value_or(0);
  if (limit == 0) return;
  const std::uint64_t left = limit > used ? limit - used : 0;
  const auto little = static_cast<double>(limit) * kLittleLeft;
  if (static_cast<double>(left) < little) {
    warn(warnings, "spill_nearly_full",
         fmt::format("only {} of {} are left to spill to: mount with more, or set quotas",
                     quota::format_size(left), quota::format_size(limit)));
  }
  const auto free = natural(member(spill, "disk_free"));
  if (free && *free < left && static_cast<double>(*free) < little) {
    warn(warnings, "spill_disk_nearly_full",
         fmt::format("only {} are free on the disk of {}, where {} more may be spilled",
                     quota::format_size(*free), text_of(member(spill, "directory")),
                     quota::format_size(left)));
  }
}

void look_at_user(const Json& row, unsigned percent, Json& warnings) {
  for (const auto& [what, thing] : {std::pair{"bytes", "bytes"}, {"inodes", "inodes"}}) {
    const auto used = natural(member(row, what));
    const auto limit = natural(member(row, (std::string(what) + "_limit").c_str()));
    if (!used || !limit || *used < quota::share_of(*limit, percent)) continue;
    const double share = static_cast<double>(*used) / static_cast<double>(*limit);
    warn(warnings, "user_nearly_full",
         fmt::format("{} uses {:.0f}% of the {} allowed", show_user(row), std::floor(share * 100),
                     thing));
  }
}

void look_at_swap(const std::vector<std::string>& swap, Json& warnings) {
  if (swap.empty()) return;
  warn(warnings, "swap_in_clear",
       fmt::format("contents in memory can be swapped out in clear, to {}: encrypt it, or mount "
                   "with lock_memory",
                   fmt::join(swap, ", ")));
}

}  // namespace

Json warnings_of(const Json& status, const std::vector<std::string>& swap) {
  Json warnings = Json::array();
  const Json& spill = member(status, "spill");
  look_at_damage(spill, warnings);
  look_at_room(spill, warnings);
  const auto percent =
      static_cast<unsigned>(natural(member(status, "quota_warn_percent")).value_or(0));
  for (const Json& row : member(status, "users")) look_at_user(row, percent, warnings);
  if (member(member(status, "memory"), "locked") != true) look_at_swap(swap, warnings);
  return warnings;
}

}  // namespace scratchfs::mount
