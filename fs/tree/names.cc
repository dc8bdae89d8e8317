#include "fs/tree/names.h"

#include <algorithm>
#include <cassert>

#include "fs/tree/inode.h"

namespace scratchfs::tree {
namespace {

bool lies_in_holding_directory(const Dentry* name) {
  return name->parent->directory->holds_entries();
}

}  // namespace

void Names::add(Dentry& name) {
  all_.push_back(&name);
  if (lies_in_holding_directory(&name)) ++held_;
  if (!name.claims.empty()) ++claimed_;
}

// From the end: what is removed one by one is mostly removed in that order.
void Names::drop(Dentry& name) {
  assert(name.claims.empty());
  const auto at = std::find(all_.rbegin(), all_.rend(), &name);
  if (at == all_.rend()) return;
  *at = all_.back();
  all_.pop_back();
  if (lies_in_holding_directory(&name)) --held_;
}

bool Names::claim(Dentry& name, const ClaimantRef& claimant) {
  if (std::ranges::find(name.claims, claimant) != name.claims.end()) return false;
  name.claims.push_back(claimant);
  if (name.claims.size() == 1) ++claimed_;
  return true;
}

bool Names::unclaim(Dentry& name, const ClaimantRef& claimant) {
  if (std::erase(name.claims, claimant) == 0) return false;
  if (name.claims.empty()) --claimed_;
  return true;
}

void Names::unclaim_all(Dentry& name) {
  if (!name.claims.empty()) --claimed_;
  name.claims.clear();
}

bool Names::counts_are_true() const {
  const auto claimed =
      std::ranges::count_if(all_, [](auto* name) { return !name->claims.empty(); });
  const auto held = std::ranges::count_if(all_, lies_in_holding_directory);
  return std::cmp_equal(claimed, claimed_) && std::cmp_equal(held, held_);
}

}  // namespace scratchfs::tree
