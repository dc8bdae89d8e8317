#include "fs/tree/names.h"

#include <algorithm>
#include <cassert>

#include "fs/tree/inode.h"

namespace scratchfs::tree {
namespace {

constexpr std::size_t kFewNames = 64;

bool lies_in_holding_directory(const Dentry* name) {
  return name->parent->directory->holds_entries();
}

}  // namespace

void Names::add(Dentry& name) {
  all_.push_back(&name);
  if (lies_in_holding_directory(&name)) ++held_;
  if (!name.claims.empty()) ++claimed_;
}

// Searches from the end, because names that are removed one by one mostly come in that order.
void Names::drop(Dentry& name) {
  assert(name.claims.empty());
  const auto at = std::find(all_.rbegin(), all_.rend(), &name);
  if (at == all_.rend()) return;
  *at = all_.back();
  all_.pop_back();
  // If there is no memory for a smaller array, shrink_to_fit() keeps this one.
  if (all_.capacity() > kFewNames && all_.size() < all_.capacity() / 4) all_.shrink_to_fit();
  if (lies_in_holding_directory(&name)) --held_;
}

void Names::replace(Dentry& old, Dentry& fresh) {
  std::ranges::replace(all_, &old, &fresh);
  if (lies_in_holding_directory(&old)) --held_;
  if (lies_in_holding_directory(&fresh)) ++held_;
  if (!old.claims.empty()) --claimed_;
  if (!fresh.claims.empty()) ++claimed_;
}

bool Names::claim(Dentry& name, const lifetime::ClaimantRef& claimant) {
  if (std::ranges::find(name.claims, claimant) != name.claims.end()) return false;
  name.claims.push_back(claimant);
  if (name.claims.size() == 1) ++claimed_;
  return true;
}

void Names::unclaim(Dentry& name, const lifetime::ClaimantRef& claimant) {
  unclaim_if(name, [&](const lifetime::ClaimantRef& claiming) { return claiming == claimant; });
}

void Names::unclaim_all(Dentry& name) {
  unclaim_if(name, [](const lifetime::ClaimantRef&) { return true; });
}

bool Names::counts_are_true() const {
  const auto claimed =
      std::ranges::count_if(all_, [](auto* name) { return !name->claims.empty(); });
  const auto held = std::ranges::count_if(all_, lies_in_holding_directory);
  return std::cmp_equal(claimed, claimed_) && std::cmp_equal(held, held_);
}

}  // namespace scratchfs::tree
