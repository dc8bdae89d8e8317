#include "fs/tree/handle_budget.h"

namespace scratchfs::tree {

HandleRight::~HandleRight() {
  if (budget_ != nullptr) budget_->give_back(user_);
}

std::optional<HandleRight> HandleBudget::take(uid_t user) {
  const bool is_root = user == 0;
  Shard& shard = shard_of(user);
  base::Lock lock(shard.mutex);
  const auto own = shard.open.try_emplace(user).first;  // first, because it may throw bad_alloc
  const bool fits =
      (is_root || own->second < most_ / 2) && count_one(is_root ? most_ : most_ - most_ / 16);
  if (fits) {
    ++own->second;
    return HandleRight(*this, user);
  }
  if (own->second == 0) shard.open.erase(own);
  return std::nullopt;
}

bool HandleBudget::has_open(uid_t user) {
  Shard& shard = shard_of(user);
  base::Lock lock(shard.mutex);
  return shard.open.contains(user);
}

bool HandleBudget::count_one(std::uint64_t most) {
  if (open_.fetch_add(1, std::memory_order_relaxed) < most) return true;
  open_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void HandleBudget::give_back(uid_t user) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  Shard& shard = shard_of(user);
  base::Lock lock(shard.mutex);
  const auto at = shard.open.find(user);
  if (--at->second == 0) shard.open.erase(at);
}

}  // namespace scratchfs::tree
