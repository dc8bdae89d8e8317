#include "fs/tree/wait_budget.h"

#include <algorithm>

namespace scratchfs::tree {

WaitBudget::Clock::duration WaitBudget::Debt::owed(Clock::time_point now,
                                                   Clock::duration limit) const {
  const double limits_paid = std::chrono::duration<double>(now - since_).count() / 10;
  const auto paid = std::min<std::chrono::duration<double>>(limits_paid * limit, owed_);
  return owed_ - std::chrono::duration_cast<Clock::duration>(paid);
}

void WaitBudget::Debt::add(Clock::duration more, Clock::time_point now, Clock::duration limit) {
  owed_ = owed(now, limit) + more;
  since_ = now;
}

bool WaitBudget::has_left(uid_t owner, Clock::time_point now) const {
  base::Lock lock(mutex_);
  if (all_.owed(now, kOfAll) >= kOfAll) return false;
  const auto found = users_.find(owner);
  return found == users_.end() || found->second.owed(now, kOfOne) < kOfOne;
}

void WaitBudget::spend(uid_t owner, Clock::duration in_vain, Clock::time_point now) {
  base::Lock lock(mutex_);
  if (users_.size() >= kForgetFrom) {
    std::erase_if(users_, [now](const auto& user) {
      return user.second.owed(now, kOfOne) == Clock::duration::zero();
    });
  }
  all_.add(in_vain, now, kOfAll);
  users_[owner].add(in_vain, now, kOfOne);
}

}  // namespace scratchfs::tree
