// ForgetWait: waits for the kernel to forget an inode.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "fs/base/result.h"
#include "fs/tree/closing.h"
#include "fs/tree/remembered.h"
#include "fs/tree/wait_budget.h"

namespace scratchfs::tree {

// How long a creation that exceeds a limit waits at most for an inode that is about to be
// forgotten.
inline constexpr std::chrono::milliseconds kForgetBound{250};

// The wait of one call that lacks an inode or memory, on a thread that may wait. The kernel forgets
// an inode a moment after its last user is gone, so the call waits for such inodes until the
// transport reports that none is under way. Waits that gain nothing are charged to the user's
// budget; if that is used up, the transport is asked once.
class ForgetWait {
 public:
  // Owns nothing; every argument outlives it.
  ForgetWait(Remembered& remembered, ClosingGate& gate, WaitBudget& budget, uid_t user,
             base::Wait wait);

  // Waits until another attempt may succeed. `before` is given_back() as read before the last
  // attempt. Returns false if that was the last attempt.
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
