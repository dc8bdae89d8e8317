// The retry loops of the tree's operations: around names of closing files, and around limits that
// are reached until the kernel forgets inodes. Included only by the tree's own sources.
#pragma once

#include "fs/tree/forget_wait.h"
#include "fs/tree/tree.h"

namespace scratchfs::tree {

// Runs `operation(blocker)` until it sets no blocker, and waits for the blocking inode in between.
// A run that sets a blocker must be idempotent: the next run repeats it.
template <typename Operation>
auto Tree::retry_while_closing(base::Wait wait, Operation operation) {
  bool all_handled = false;
  while (true) {
    Blocker blocker{.inode = nullptr, .all_handled = all_handled};
    auto result = operation(blocker);
    if (!blocker) return result;
    if (wait == base::Wait::no) return decltype(result)(base::kWouldBlock);
    if (const auto why = wait.over()) return decltype(result)(*why);
    all_handled = gate_.wait(*blocker.inode) || all_handled;
  }
}

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
