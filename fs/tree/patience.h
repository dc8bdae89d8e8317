// How an operation of the tree meets a name that is just being closed: included by the tree's own
// sources alone.
#pragma once

#include "fs/tree/tree.h"

namespace scratchfs::tree {

// Runs `operation(blocker)` until it sets no blocker; it must have changed nothing when it sets
// one.
template <typename Operation>
auto Tree::patiently(base::Wait wait, Operation operation) {
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

}  // namespace scratchfs::tree
