#include "fs/tree/left_overs.h"

#include <utility>

namespace scratchfs::tree {

// One by one, because the list can be longer than the stack is deep.
LeftOvers::~LeftOvers() {
  while (take() != nullptr) continue;
}

void LeftOvers::add(const InodeRef& inode) {
  base::Lock lock(mutex_);
  if (inode->is_left_over) return;
  inode->is_left_over = true;
  inode->next_left_over = std::exchange(first_, inode);
  any_ = true;
}

InodeRef LeftOvers::take() {
  if (!any_) return nullptr;
  base::Lock lock(mutex_);
  InodeRef taken = std::move(first_);
  if (taken == nullptr) return nullptr;
  taken->is_left_over = false;
  first_ = std::exchange(taken->next_left_over, nullptr);
  any_ = first_ != nullptr;
  return taken;
}

}  // namespace scratchfs::tree
