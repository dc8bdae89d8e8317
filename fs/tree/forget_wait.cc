#include "fs/tree/forget_wait.h"

#include <algorithm>

#include "fs/base/deadline.h"

namespace scratchfs::tree {

namespace {

// The time between two queries to the transport.
constexpr std::chrono::milliseconds kBetweenQuestions{10};

}  // namespace

ForgetWait::ForgetWait(Remembered& remembered, ClosingGate& gate, WaitBudget& budget, uid_t user,
                       base::Wait wait)
    : remembered_(remembered),
      gate_(gate),
      budget_(budget),
      user_(user),
      wait_(wait),
      start_(std::chrono::steady_clock::now()),
      may_wait_(budget.has_left(user, start_)) {}

bool ForgetWait::again(std::uint64_t before) {
  const Time now = std::chrono::steady_clock::now();
  if (last_) {
    if (may_wait_) budget_.spend(user_, now - start_, now);
    return false;
  }
  const Time deadline = start_ + kForgetBound;
  last_ = gate_.all_forgotten(std::chrono::milliseconds{}) || !may_wait_;
  if (last_) return true;
  remembered_.wait(before, std::min(deadline, now + kBetweenQuestions));
  last_ = std::chrono::steady_clock::now() >= deadline || wait_.over();
  return true;
}

}  // namespace scratchfs::tree
