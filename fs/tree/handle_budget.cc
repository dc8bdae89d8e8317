#include "fs/tree/handle_budget.h"

namespace scratchfs::tree {

HandleRight::~HandleRight() {
  if (budget_ != nullptr) budget_->give_back(user_);
}

std::optional<HandleRight> HandleBudget::take(uid_t user) {
  const bool is_root = user == 0;
  const std::uint64_t most = is_root ? most_ : most_ - most_ / 16;
  if (open_.fetch_add(1, std::memory_order_relaxed) >= most) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  Shard& shard = shard_of(user);
  base::Lock lock(shard.mutex);
  std::uint64_t& own = shard.open[user];
  if (!is_root && own >= most_ / 2) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  ++own;
  return HandleRight(*this, user);
}

void HandleBudget::give_back(uid_t user) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  Shard& shard = shard_of(user);
  base::Lock lock(shard.mutex);
  const auto at = shard.open.find(user);
  if (--at->second == 0) shard.open.erase(at);
}

}  // namespace scratchfs::tree
