// Names: the names of one inode. Counts those that are held, because a file may have 65,000 of
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fs/lifetime/claims.h"
#include "fs/tree/directory.h"

namespace scratchfs::tree {

// Not thread-safe; guarded by the inode's mutex. Directories own the dentries. A directory must be
// locked exclusively while one of its names is added or removed here, and while it begins or ceases
// to hold its entries.
class Names {
 public:
  bool empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  Dentry* front() const { return all_.front(); }
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }

  // How many names are claimed, and how many are in a directory that holds its entries.
  std::size_t claimed() const { return claimed_; }
  std::size_t held_by_directories() const { return held_; }
  // Whether at least one name is held.
  bool are_held() const { return claimed_ > 0 || held_ > 0; }

  void add(Dentry& name);
  // REQUIRES: the name has no claims.
  void drop(Dentry& name);
  // Puts `fresh` in the place of `old`; each keeps its own claims. Does not allocate.
  void replace(Dentry& old, Dentry& fresh);
  // Returns false if `claimant` had claimed the name already.
  bool claim(Dentry& name, const lifetime::ClaimantRef& claimant);
  void unclaim(Dentry& name, const lifetime::ClaimantRef& claimant);
  void unclaim_all(Dentry& name);
  template <typename Predicate>  // of a ClaimantRef
  void unclaim_if(Dentry& name, Predicate predicate) {
    if (std::erase_if(name.claims, predicate) > 0 && name.claims.empty()) --claimed_;
  }
  // Records that the directory of one name has begun (true) or ceased to hold its entries.
  void note_holding(bool holds) { held_ += holds ? 1 : -std::size_t{1}; }
  // Whether the counters match the names.
  bool counts_are_true() const;

 private:
  std::vector<Dentry*> all_;
  std::size_t claimed_ = 0;
  std::size_t held_ = 0;
};

}  // namespace scratchfs::tree
