// Waiting for an inode that the kernel is about to forget.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "fs/base/result.h"
#include "fs/tree/closing.h"
#include "fs/tree/remembered.h"
#include "fs/tree/wait_budget.h"

namespace scratchfs::tree {

// How long a creation that finds no inode left waits at most for one that is about to be forgotten.
inline constexpr std::chrono::milliseconds kForgetBound{250};

// The wait of one call that found no inode left, on a thread that may wait. The kernel forgets an
// inode a moment after its last user has gone, so an inode that is on its way back is waited for,
// until the transport tells that none is. Waits in vain are bounded by the user's budget; without
// one left the transport is asked once.
class ForgetWait {
 public:
  // Nothing is owned, all outlives it.
  ForgetWait(Remembered& remembered, ClosingGate& gate, WaitBudget& budget, uid_t user,
             base::Wait wait);

  // Waits until another try may succeed, `before` being given_back() as it was before the last one.
  // False: that was the last one.
  bool again(std::uint64_t before);

 private:
  using Time = Remembered::Time;

  Remembered& remembered_;
  ClosingGate& gate_;
  WaitBudget& budget_;
  const uid_t user_;
  const base::Wait wait_;
  const Time start_;
  const bool may_wait_;
  bool last_ = false;
};

}  // namespace scratchfs::tree
