// ForgetWait: waits for the kernel to forget an inode. Included only by the tree's own sources.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "fs/base/result.h"
#include "fs/tree/tree.h"

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

// Runs `operation()`, and repeats it while it fails for lack of an inode or memory that the kernel
// is about to release by forgetting deleted inodes. A run that fails so must be idempotent. `user`
// is the user who creates.
template <typename Operation>
auto Tree::with_inodes_left(uid_t user, base::Wait wait, Operation operation) {
  const auto lacks_some = [](const auto& result) {
    return result.is(base::Errno(EDQUOT)) || result.is(base::Errno(ENOSPC));
  };
  std::uint64_t before = remembered_.given_back();
  auto result = operation();
  if (!lacks_some(result)) return result;
  // An unlinked file that was just closed is remembered only once its RELEASE has been handled.
  if (remembered_.none() && remembered_.given_back() == before &&
      !handle_budget_.has_open(ledger_.holder_of(user)))
    return result;
  if (wait == base::Wait::no) return decltype(result)(base::kWouldBlock);
  ForgetWait forgetting(remembered_, gate_, forget_budget_, user, wait);
  while (lacks_some(result) && forgetting.again(before)) {
    before = remembered_.given_back();
    result = operation();
  }
  return result;
}

}  // namespace scratchfs::tree
